import { createPublicKey, verify } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { TokenSpec } from "../../../experiments/types";
import { publicJwk } from "../../../modules/gateway-jwt/jwk";
import { textAt } from "../../../verify/json";
import { tokenFor } from "../../../verify/probe/token";
import { redacted } from "../../../verify/report/redact";
import { fakeWorld } from "./fake/world";

const { signal } = new AbortController();
const good: TokenSpec = { claims: { groups: ["lab"] }, seconds: 300 };

/** A lab with an issuer, and a way to make and to read its tokens. */
async function fakeLab() {
  const lab = await fakeWorld({ modules: ["gateway-jwt"] });
  const { state } = lab;
  const secret = textAt(state.get("Secret/default/gateway-jwt-issuer"), "data", "private.pem") ?? "";
  const pem = Buffer.from(secret, "base64").toString();
  const make = (spec: TokenSpec) => tokenFor({ facts: state.facts, lab, clock: state.clock }, spec, signal);
  const signedByLab = (token: string) => {
    const [head = "", payload = "", signature = ""] = token.split(".");
    const key = { key: createPublicKey(pem), dsaEncoding: "ieee-p1363" } as const;
    return verify("sha256", Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, "base64url"));
  };
  return { lab, pem, make, signedByLab };
}

const part = (token: string, index: number) =>
  JSON.parse(Buffer.from(token.split(".")[index] ?? "", "base64url").toString());

describe("tokenFor()", () => {
  it("signs by the issuer's key, and names it as its JWKS does", async () => {
    const { make, signedByLab, pem, lab } = await fakeLab();
    const token = await make(good);
    expect(signedByLab(token)).toBe(true);
    expect(part(token, 0)).toEqual({ alg: "ES256", typ: "JWT", kid: publicJwk(pem).kid });
    const now = lab.state.clock.now() / 1000;
    expect(part(token, 1)).toMatchObject({
      ...{ iss: "https://issuer.opssec.in", aud: "jwt.opssec.in", groups: ["lab"], exp: now + 300 },
    });
  });

  it("creates invalid tokens that only a check of the signature detects", async () => {
    const { make, signedByLab } = await fakeLab();
    const [foreign, altered, real] = [
      await make({ ...good, forgery: "foreign" }),
      await make({ ...good, forgery: "altered" }),
      await make(good),
    ];
    expect([signedByLab(foreign), signedByLab(altered)]).toEqual([false, false]);
    for (const forged of [foreign, altered]) {
      expect(part(forged, 0)).toEqual(part(real, 0));
      expect(part(forged, 1)).toEqual(part(real, 1));
    }
  });

  it("makes one that is over, and was good once", async () => {
    const { make } = await fakeLab();
    const { iat, exp } = part(await make({ ...good, seconds: -3600 }), 1);
    expect(iat).toBeLessThan(exp);
  });

  it("names the Secret that it cannot find", async () => {
    const { make, lab } = await fakeLab();
    lab.state.objects.delete("Secret/default/gateway-jwt-issuer");
    await expect(make(good)).rejects.toThrow("Secret gateway-jwt-issuer has no private.pem");
  });

  it("is left out of evidence", async () => {
    const { make } = await fakeLab();
    expect(redacted(`before ${await make(good)} after`)).toBe("before [left out] after");
  });
});

describe("publicJwk()", () => {
  it("holds nothing of the private key", async () => {
    const { pem } = await fakeLab();
    expect(Object.keys(publicJwk(pem)).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
  });

  it("names the key by its thumbprint", async () => {
    // RFC 7638 has no example of a curve; the members and their order are those of its section 3.2.
    const { pem } = await fakeLab();
    expect(publicJwk(pem).kid).toMatch(/^[\w-]{43}$/);
    expect(publicJwk(createPublicKey(pem).export({ type: "spki", format: "pem" }).toString())).toEqual(publicJwk(pem));
  });
});
