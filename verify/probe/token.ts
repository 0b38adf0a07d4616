import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { objects } from "../../experiments/objects";
import type { LabFacts, TokenSpec } from "../../experiments/types";
import { publicJwk } from "../../modules/gateway-jwt/jwk";
import { audienceOf, issuerOf, secret } from "../../modules/gateway-jwt/objects";
import type { VerifyContext } from "../context";
import { textAt } from "../json";
import type { LabClient } from "../lab-client";
import { PreconditionError } from "../precondition-error";

const issuerSecret = objects["Secret/gateway-jwt-issuer"];
/** A token is valid from shortly before its creation: the gateway's clock may be behind. */
const earlySeconds = 30;

/**
 * A token of the lab's issuer, as asked.
 * @throws PreconditionError when the issuer's key is not there
 */
export async function tokenFor(
  { facts, lab, clock }: Pick<VerifyContext, "facts" | "lab" | "clock">,
  spec: TokenSpec,
  signal: AbortSignal,
): Promise<string> {
  if (spec.forgery === "garbage") return "not.a.token";
  const key = await issuerKey(lab, signal);
  const { kid } = publicJwk(key);
  const now = Math.floor(clock.now() / 1000);
  const payload = payloadOf(facts, spec, now);
  if (spec.forgery === "foreign")
    return signed(payload, kid, generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
  if (spec.forgery !== "altered") return signed(payload, kid, createPrivateKey(key));
  const [head, , signature] = signed(
    { ...payloadOf(facts, { ...spec, claims: {} }, now) },
    kid,
    createPrivateKey(key),
  ).split(".");
  return [head, encoded(payload), signature].join(".");
}

function payloadOf({ settings: { domain } }: Pick<LabFacts, "settings">, spec: TokenSpec, now: number): object {
  return {
    iss: spec.issuer ?? issuerOf(domain),
    sub: "lab",
    aud: spec.audience ?? audienceOf(domain),
    // One that is over began before it ended.
    iat: now - earlySeconds + Math.min(0, spec.seconds),
    exp: now + spec.seconds,
    ...spec.claims,
  };
}

async function issuerKey(lab: Pick<LabClient, "read">, signal: AbortSignal): Promise<string> {
  const { layer, ...ref } = issuerSecret;
  const found = await lab.read(ref, signal);
  const data = textAt(found, "data", secret.key);
  if (!data)
    throw new PreconditionError(layer, `Secret ${secret.name} has no ${secret.key}, so no token can be signed`);
  return Buffer.from(data, "base64").toString("utf8");
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JWT by ES256 (RFC 7515): the signature is r and s one behind the other, not DER. */
function signed(payload: object, kid: string, key: KeyObject): string {
  const text = `${encoded({ alg: "ES256", typ: "JWT", kid })}.${encoded(payload)}`;
  const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}
