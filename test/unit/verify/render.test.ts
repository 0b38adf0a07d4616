import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { SaxesParser } from "saxes";
import { describe, expect, it } from "vitest";
import { experiments } from "../../../experiments";
import {
  exitCodeFor,
  explain,
  explanationText,
  listExperiments,
  renderJson,
  renderJUnit,
  renderText,
  verifyLab,
} from "../../../verify";
import { redacted } from "../../../verify/report/redact";
import type { Finding, VerifyReport } from "../../../verify/report/schema";
import { labFacts } from "./fake/facts";
import { fakeWorld } from "./fake/world";

async function bypassOpen(evidenceDir?: string) {
  const lab = await fakeWorld();
  lab.state.objects.delete("AuthorizationPolicy/default/appb-waypoint-only");
  return verifyLab(lab.state.facts, {
    lab,
    clock: lab.state.clock,
    only: ["apps", "bypass"],
    ...(evidenceDir ? { evidenceDir } : {}),
  });
}

describe("renderText()", () => {
  it("shows what failed, the layer, the cause, and the next step", async () => {
    const text = renderText(await bypassOpen(), { colour: false });
    expect(text).toContain("✓ appa, appb, stranger and outsider run apps");
    expect(text).toContain("✗ Requests bypass the waypoint only if closeBypass is false bypass");
    expect(text).toContain("layer    ztunnel");
    expect(text).toContain("because (drift) AuthorizationPolicy/appb-waypoint-only does not exist");
    expect(text).toContain("✗ outsider is refused at Service appb");
    expect(text).toContain("expected connection reset by ztunnel (AuthorizationPolicy appb-waypoint-only)");
    expect(text).toMatch(/FAIL {2}1 pass, 1 fail in \d+ s\nNext {2}npm run up -- --stack dev/);
  });

  it.each([
    [["prometheus", "kiali"], "open kiali --stack dev"],
    [[], "verify --explain bypass --stack dev"],
  ] as const)("with the addons %s of a lab that passes leads to a command that works there", async (addons, next) => {
    const lab = await fakeWorld({ addons });
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["apps"] });
    expect(renderText(report, { colour: false })).toContain(`Next  npm run lab -- ${next}\n`);
  });

  it("colours only when asked", async () => {
    const report = await bypassOpen();
    const colour = String.fromCharCode(27);
    expect(renderText(report, { colour: false })).not.toContain(colour);
    expect(renderText(report, { colour: true })).toContain(colour);
  });
});

describe("renderJson()", () => {
  it("is versioned and whole", async () => {
    const report = await bypassOpen();
    expect(JSON.parse(renderJson(report))).toMatchObject({
      schema: "ambient-lab.verify/v1",
      stack: "dev",
      verdict: "fail",
      results: [
        { id: "apps", verdict: "pass" },
        { id: "bypass", verdict: "fail", layer: "ztunnel" },
      ],
    });
    expect(exitCodeFor(report)).toBe(1);
  });
});

describe("renderJUnit()", () => {
  it("counts failures and escapes text", async () => {
    const xml = renderJUnit(await bypassOpen());
    expect(xml).toContain('tests="3" failures="1" errors="1" skipped="0"');
    expect(xml).toContain('<failure type="ztunnel"');
    expect(xml).not.toMatch(/&(?!amp;|lt;|gt;|quot;)/);
  });

  it("is not a success when the cluster differs from the stack and no experiment detected it", async () => {
    const lab = await fakeWorld();
    lab.state.objects.delete("AuthorizationPolicy/default/appb-waypoint-only");
    const options = { lab, clock: lab.state.clock, only: ["apps"] };
    const report = await verifyLab(lab.state.facts, options);
    expect(report.verdict).toBe("inconclusive");
    const xml = renderJUnit(report);
    expect(xml).toContain('tests="2" failures="0" errors="1"');
    expect(xml).toContain('<error type="ztunnel" message="AuthorizationPolicy/appb-waypoint-only does not exist">');
  });
});

describe("verifyLab() with evidence", () => {
  it("writes an index, the reports, a page for each experiment and the configuration", async () => {
    const folder = await mkdtemp(join(tmpdir(), "evidence-"));
    try {
      await bypassOpen(folder);
      const files = await readdir(folder);
      expect(files.sort()).toEqual([
        "apps.md",
        "bypass.md",
        "config-gateway.json",
        "config-gateway.txt",
        "config-waypoint.json",
        "config-waypoint.txt",
        "index.md",
        "objects.json",
        "report.json",
        "report.txt",
        "report.xml",
      ]);
      const index = await readFile(join(folder, "index.md"), "utf8");
      for (const file of files.filter((name) => name !== "index.md")) expect(index).toContain(`(${file})`);
      expect(await readFile(join(folder, "bypass.md"), "utf8")).toMatch(/client:\n\n {4}POST http/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** A report of one failure whose texts come from outside. */
const reportOf = async (seen: string, more: Partial<Finding> = {}): Promise<VerifyReport> => {
  const report = await bypassOpen();
  const [first, ...others] = report.results;
  if (!first) throw new Error("The run has no result");
  const finding: Finding = { name: "a request", verdict: "fail", layer: "waypoint", seen, evidence: [], ...more };
  const failed = { ...first, id: "apps", verdict: "fail" as const, reason: seen, findings: [finding] };
  return { ...report, results: [failed, ...others], notes: [seen] };
};

describe("redacted()", () => {
  const key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ";
  it.each([
    ["-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", "[left out]"],
    [`tls: -----BEGIN RSA PRIVATE KEY-----\n${key}\n${key.slice(0, 20)}`, "tls: [left out]"],
    [`-----BEGIN PRIVATE KEY-----\\n${key}\\n, and 401`, "[left out]\\n, and 401"],
    [`${key}\n${key.slice(0, 30)}==\n-----END PRIVATE KEY-----\nnext`, "[left out]\nnext"],
    ["token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "token [left out]"],
    ["sent Bearer abc123def to it", "sent Bearer [left out] to it"],
    ["bearer of bad news", "bearer of bad news"],
    ["authorization: Bearer abc", "authorization: [left out]"],
    ["Proxy-Authorization: Basic YW5uOnMzY3JldA==\nhost: appb", "Proxy-Authorization: [left out]\nhost: appb"],
    ['{"authorization":["Bearer abc","Basic xyz"],"path":"/get"}', '{"authorization":[[left out]],"path":"/get"}'],
    ['{"set-cookie":"a=b"}', '{"set-cookie":"[left out]"}'],
    ['{"body":"{\\"Cookie\\":\\"a=b; c=d\\"}"}', '{"body":"{\\"Cookie\\":\\"[left out]\\"}"}'],
    ["cookie: a=b; c=d", "cookie: [left out]"],
    ["client-key-data: LS0tLS1CRUdJTg==\nuser: x", "client-key-data: [left out]\nuser: x"],
    ["data: {tls.key: LS0tLS1CRUdJTg, tls.crt: x}", "data: {tls.key: [left out], tls.crt: x}"],
    ["curl -d password=s3cret&user=ann", "curl -d password=[left out]&user=ann"],
    ["X-Api-Key: 12345", "X-Api-Key: [left out]"],
    ["proxy http://ann:s3cret@proxy.corp:3128/", "proxy http://[left out]@proxy.corp:3128/"],
    ["proxy http://ann:p@ss:w@proxy.corp:3128/a@b", "proxy http://[left out]@proxy.corp:3128/a@b"],
    ["HTTPS_PROXY=ann:s3cret@proxy.corp:3128", "HTTPS_PROXY=[left out]@proxy.corp:3128"],
    ["http://appb:8000/get mail a@b.c", "http://appb:8000/get mail a@b.c"],
    ["GET /get?probe=1", "GET /get?probe=1"],
    ["oci://registry.test/charts/istiod@sha256:1234", "oci://registry.test/charts/istiod@sha256:1234"],
    [
      'rbac_access_denied_matched_policy[none] "GET /get" 403',
      'rbac_access_denied_matched_policy[none] "GET /get" 403',
    ],
  ])("turns %j into %j", (text, clean) => {
    expect(redacted(text)).toBe(clean);
    expect(redacted(clean)).toBe(clean);
  });

  it("takes no more than milliseconds for a text that is almost a key", () => {
    const began = performance.now();
    const line = `${"QUJD".repeat(16)}\n`;
    redacted(
      `-----END ${"QUJD".repeat(20_000)} -----BEGIN PRIVATE KEY----- ${line.repeat(10_000)}.${line.repeat(2_000)}`,
    );
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe("a report with a certificate that was cut", () => {
  it("still shows the failing result after it, in every form", async () => {
    const report = await reportOf("HTTP 403", {
      evidence: [{ source: "client", lines: ["-----BEGIN CERTIFICATE-----", "then -----END CERTIFICATE-----"] }],
    });
    const cut = { ...report, notes: ["-----BEGIN PRIVATE KEY-----\nMIIE"], cluster: "-----BEGIN CERTIFICATE-----" };
    for (const text of [renderText(cut, { colour: false }), renderJson(cut), renderJUnit(cut)]) {
      expect(text).toContain("HTTP 403");
      expect(text).toContain("Requests bypass the waypoint only if closeBypass is false");
      expect(text).not.toContain("MIIE");
    }
    expect(JSON.parse(renderJson(cut)).results.map(({ id }: { id: string }) => id)).toEqual(["apps", "bypass"]);
  });
});

describe("texts from the cluster", () => {
  it("cannot move the cursor, colour a line or reverse it", async () => {
    const report = await reportOf("\u001b[2K\u001b[1A\u001b[32m✓ all well\u001b[0m\u0007\u202Edeined\r\nx");
    for (const text of [renderText(report, { colour: false }), renderJUnit(report), renderJson(report)]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
      expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(text).toContain("✓ all well");
    }
  });

  it("leave JUnit well-formed with any content", async () => {
    const report = await reportOf("");
    const alphabet = [
      "\u0000",
      "\u001b[31m",
      "\ud800",
      "\ufffe",
      "\u0085",
      "]]>",
      "<!--",
      "&",
      "<",
      '"',
      "'",
      "\n",
      "a",
    ];
    const nasty = fc.array(fc.constantFrom(...alphabet), { maxLength: 8 }).map((parts) => parts.join(""));
    const rendered = (text: string) => {
      const results = report.results.map((result) => ({
        ...{ ...result, title: text, reason: text },
        findings: result.findings.map((finding) => ({ ...finding, seen: text, name: text })),
      }));
      wellFormed(renderJUnit({ ...report, results, stack: text }));
    };
    fc.assert(fc.property(nasty, rendered), { seed: 1, numRuns: 500 });
    expect(() => wellFormed("<a>\u0001</a>")).toThrow("disallowed character");
  });
});

/** @throws the first violation of XML 1.0 */
function wellFormed(xml: string): void {
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(xml).close();
}

describe("explain()", () => {
  it.each(experiments.map(({ id }) => id))("describes the question, the requests and the expectations of %s", (id) => {
    const text = explanationText(explain(id, labFacts().settings));
    expect(text).toContain("?");
    expect(text).toContain("It sends and expects:\n  ");
  });

  it("refuses an id that does not exist", () => {
    expect(() => explain("nothing", labFacts().settings)).toThrow(/No experiment is named "nothing"/);
  });
});

describe("verifyLab()", () => {
  it("refuses an id that does not exist, as wrong usage", async () => {
    const lab = await fakeWorld();
    const run = verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["nothing"] });
    await expect(run).rejects.toMatchObject({ exitCode: 2 });
  });

  it("lists every experiment", () => {
    expect(listExperiments().map(({ id }) => id)).toEqual(experiments.map(({ id }) => id));
  });
});
