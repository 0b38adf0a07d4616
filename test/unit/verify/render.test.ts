import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  it("says what failed, who is to blame, why, and what to do next", async () => {
    const text = renderText(await bypassOpen(), { colour: false });
    expect(text).toContain("✓ appa, appb, stranger and outsider run apps");
    expect(text).toContain("✗ No request bypasses the waypoint bypass");
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

  it("is not green when the cluster differs from the stack and no experiment noticed", async () => {
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

describe("redacted()", () => {
  it.each([
    ["-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", "[left out]"],
    ["token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", "token [left out]"],
    ["authorization: Bearer abc", "authorization: [left out]"],
    ['{"set-cookie":"a=b"}', '{"set-cookie":"[left out]"}'],
    ["proxy http://ann:s3cret@proxy.corp:3128/", "proxy http://[left out]@proxy.corp:3128/"],
    ["http://appb:8000/get mail a@b.c", "http://appb:8000/get mail a@b.c"],
    ["GET /get?probe=1", "GET /get?probe=1"],
  ])("turns %j into %j", (text, clean) => {
    expect(redacted(text)).toBe(clean);
  });
});

describe("explain()", () => {
  it.each(experiments.map(({ id }) => id))("says of %s what it asks, sends and expects", (id) => {
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
