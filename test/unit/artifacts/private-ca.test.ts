import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { beforeAll, describe, expect, test } from "vitest";
import { readPrivateCa, trustedWith } from "../../../artifacts/private-ca";
import { engineEnvironment, trustFolder } from "../../../cli/engine/environment";
import { openSession } from "../../../cli/stack/session";
import { parseConfig } from "../../../config/load";
import type { LabError } from "../../../host/errors";
import { checkHost } from "../../../preflight/host";
import { selfSigned } from "../../support/certificate";
import { checkout, fakeExec, fakeIo, fitMachine, ownLabHome } from "../cli/world";

describe("a private CA", () => {
  let folder: string;
  let ca: string;
  let key: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "lab-ca-"));
    ({ ca, key } = await selfSigned(folder, "mirror.test"));
    ownLabHome();
  });

  test("readPrivateCa() refuses what is no certificate, and names it", () => {
    for (const file of [key, join(folder, "absent.pem")]) {
      const refused = (() => {
        try {
          return expect.fail(`${readPrivateCa(file).digest} was accepted`);
        } catch (thrown) {
          return thrown as LabError;
        }
      })();
      expect([refused.exitCode, refused.what]).toEqual([4, expect.stringContaining(`"${file}" holds no certificate`)]);
    }
  });

  test("trustedWith() adds it to Node's own certificates and those of NODE_EXTRA_CA_CERTS", () => {
    const extra = join(folder, "extra.pem");
    writeFileSync(extra, "EXTRA");
    expect(trustedWith(ca, extra)).toEqual([...rootCertificates, readFileSync(ca, "utf8"), "EXTRA"]);
    expect(trustedWith(ca, "")).toHaveLength(rootCertificates.length + 1);
  });

  test("the engine trusts it by a folder that holds nothing else, beside what the caller trusts", async () => {
    const trusted = await trustFolder(ca);
    expect(readdirSync(trusted)).toEqual(["ca.pem"]);
    expect(engineEnvironment({}, [], trusted).SSL_CERT_DIR).toBe(trusted);
    expect(engineEnvironment({ SSL_CERT_DIR: "/own" }, [], trusted).SSL_CERT_DIR).toBe(`${trusted}:/own`);
    expect(engineEnvironment({})).not.toHaveProperty("SSL_CERT_DIR");
  });

  test("every download of a stack with caFile uses it", async () => {
    const asked: (string | undefined)[] = [];
    const io = fakeIo({
      root: checkout({ "Pulumi.alice.yaml": `config:\n  ambient-lab:caFile: ${ca}\n` }),
      fetcher: async (_, caFile) => {
        asked.push(caFile);
        return Buffer.from("");
      },
    });
    await openSession(io, { stack: "alice" }).io.fetcher("https://mirror.test/file");
    await openSession(io, { stack: "bob" }).io.fetcher("https://mirror.test/file");
    expect(asked).toEqual([ca, undefined]);
  });

  test("the program knows its digest, and refuses a file without one before anything is made", async () => {
    const exec = fakeExec(fitMachine);
    const facts = await checkHost(parseConfig({ caFile: ca }), "unit-ca", exec);
    expect(facts.caDigest).toBe(readPrivateCa(ca).digest);
    await expect(checkHost(parseConfig({ caFile: key }), "unit-ca", exec)).rejects.toThrow("holds no certificate");
  });
});
