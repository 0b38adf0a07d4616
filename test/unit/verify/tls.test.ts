import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LabFacts } from "../../../experiments/types";
import { verifyLab } from "../../../verify";
import { bounded } from "../../../verify/eventually";
import { httpRequest } from "../../../verify/kube/http";
import { handshake, secureWay } from "../../../verify/kube/tls";
import { selfSigned } from "../../support/certificate";
import { labFacts } from "./fake/facts";
import { type FakeWorld, fakeWorld } from "./fake/world";

const { signal } = new AbortController();
const host = "secure.opssec.in";

describe("a name without a TLS listener", () => {
  const verdictOf = async (answer: (lab: FakeWorld) => ReturnType<FakeWorld["handshake"]>, times = 1) => {
    const lab = await fakeWorld({ modules: ["gateway-tls"] });
    const shake = lab.handshake;
    let left = times;
    lab.handshake = (name, ...rest) => {
      if (!name.startsWith("appb.")) return shake(name, ...rest);
      left -= 1;
      return left >= 0 ? answer(lab) : shake(name, ...rest);
    };
    const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["gateway-tls"] });
    return results[0]?.verdict;
  };
  const broken = (code: string) => async () => {
    throw Object.assign(new Error(code), { code });
  };

  it("is refused when the gateway closes the connection", async () => {
    expect(await verdictOf(broken("ECONNRESET"))).toBe("pass");
  });

  it("is not refused by who showed a certificate the first time", async () => {
    const shown = (lab: FakeWorld) => lab.handshake(`secure.${lab.state.facts.settings.domain}`, "lab", signal);
    expect(await verdictOf(shown)).toBe("fail");
  });

  it.each(["ECONNREFUSED", "ETIMEDOUT", "ENOENT"])(
    "is not proven to be refused by %s, and asked again",
    async (code) => {
      expect(await verdictOf(broken(code), Number.POSITIVE_INFINITY)).toBe("inconclusive");
      expect(await verdictOf(broken(code))).toBe("pass");
    },
  );
});

describe("a gateway that answers too late", () => {
  it.each(["lab", "public"])("is not proven wrong by a handshake that did not end in time (%s)", async (slow) => {
    const lab = await fakeWorld({ modules: ["gateway-tls"] });
    const { handshake: shake } = lab;
    lab.handshake = (name, trusting, limit) =>
      trusting === slow && name.startsWith("secure.")
        ? bounded(() => new Promise<never>(() => {}), 5_000, limit, lab.state.clock)
        : shake(name, trusting, limit);
    const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["gateway-tls"] });
    expect(results[0]?.verdict).toBe("inconclusive");
  });
});

describe("HTTPS to the gateway", () => {
  let folder: string;
  let server: Server;
  let facts: LabFacts;
  const seen: (string | undefined)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "lab-tls-"));
    const { key, ca } = await selfSigned(folder, host);
    server = createServer({ key: readFileSync(key), cert: readFileSync(ca) }, (request, response) => {
      seen.push(request.headers.host);
      response.end("{}");
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const { port } = server.address() as AddressInfo;
    facts = { ...labFacts(), tls: { url: `https://127.0.0.1:${port}`, caFile: ca } };
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it("is trusted for the name of the certificate by a client that trusts its CA", async () => {
    const shown = await handshake(facts, host, "lab", signal);
    expect(shown).toMatchObject({ names: [host], issuer: host });
    expect(shown).not.toHaveProperty("distrust");
    expect(shown.notAfter - shown.notBefore).toBe(2 * 86_400_000);
    const pem = readFileSync(facts.tls?.caFile ?? "", "utf8");
    expect(pem.replace(/\s/g, "")).toContain(shown.der);
  });

  it("is not trusted for another name, or by another client", async () => {
    expect((await handshake(facts, "appb.opssec.in", "lab", signal)).distrust).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    expect((await handshake(facts, host, "public", signal)).distrust).toMatch(/SELF_SIGNED/);
  });

  it("carries a request under its name, and none to whom it does not trust", async () => {
    const request = { method: "GET", path: "/", headers: { host } };
    expect((await httpRequest(request, await secureWay(facts, host), signal)).status).toBe(200);
    const other = await secureWay(facts, "appb.opssec.in");
    await expect(httpRequest(request, other, signal)).rejects.toThrow(/altnames/);
    expect(seen).toEqual([host]);
  });

  it("has a Fix when the outputs have no HTTPS URL, or the file of the CA does not exist", async () => {
    await expect(handshake(labFacts(), host, "lab", signal)).rejects.toThrow("name no way in by HTTPS");
    const lost = { ...facts, tls: { url: "https://127.0.0.1:1", caFile: join(folder, "gone.pem") } };
    await expect(secureWay(lost, host)).rejects.toThrow("Cannot read the CA of the gateway");
  });

  it("fails when no server listens", async () => {
    const closed = { ...facts, tls: { url: "https://127.0.0.1:1", caFile: facts.tls?.caFile ?? "" } };
    await expect(handshake(closed, host, "lab", signal)).rejects.toThrow("ECONNREFUSED");
  });
});
