import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { LabSettings } from "../../../config/schema";
import { renderText, verifyLab } from "../../../verify";
import { renderJUnit } from "../../../verify/report/formats";
import { fakeWorld } from "./fake/world";

describe("a report for a build server", () => {
  const totals = async (only: string[], settings: Partial<LabSettings> = {}, spanless = false) => {
    const lab = await fakeWorld(settings);
    if (spanless) lab.state.withoutSpans.add("waypoint.default");
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only });
    const [, failures, errors] = /failures="(\d+)" errors="(\d+)"/.exec(renderJUnit(report)) ?? [];
    return `${report.verdict} ${failures} ${errors}`;
  };

  it("is not a success when no experiment passed", async () => {
    expect(await totals(["authz-flip"], { allowedCallers: ["gateway"] })).toBe("inconclusive 0 1");
    expect(await totals(["jaeger"], {}, true)).toBe("inconclusive 0 1");
    expect(await totals(["apps"])).toBe("pass 0 0");
  });
});

describe("an experiment that leaves out a part", () => {
  it("shows the part in its line if it passes, and the failure if it fails", async () => {
    const reported = async (logsBroken: boolean) => {
      const lab = await fakeWorld({ faultDelay: "90s" });
      if (logsBroken) lab.state.objects.delete("VirtualService/default/appb-fault");
      const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["fault-delay"] });
      return { text: renderText(report, { colour: false }), junit: renderJUnit(report) };
    };
    const left = "not checked: 50 % of 347 requests with a delay of 90s take too long";
    expect((await reported(false)).text).toMatch(new RegExp(`^✓ The waypoint delays .* \\(${left}\\) fault-delay`));
    const { text, junit } = await reported(true);
    expect(text).toMatch(/^✗ The waypoint delays/);
    expect(junit).toMatch(/<failure type="\w+" message="(?!50 %)/);
  });
});

describe("a cluster that cannot be reached after all experiments passed", () => {
  async function run(forMs: number) {
    const lab = await fakeWorld();
    const { read } = lab;
    let until = 0;
    lab.read = async (ref, ...rest) => {
      if (lab.state.clock.now() < until) throw new Error("GET /api: 503 etcdserver: leader changed");
      return read(ref, ...rest);
    };
    const evidence = mkdtempSync(join(tmpdir(), "lab-evidence-"));
    const ended = () => {
      until = lab.state.clock.now() + forMs;
    };
    const options = { lab, clock: lab.state.clock, only: ["apps"], observer: { ended }, evidenceDir: evidence };
    return { report: await verifyLab(lab.state.facts, options), evidence };
  }

  it("is read again", async () => {
    expect((await run(2_000)).report).toMatchObject({ verdict: "pass", health: [] });
  });

  it("prevents a pass, and the verdict is still reported", async () => {
    const { report, evidence } = await run(60_000);
    expect(report.verdict).toBe("inconclusive");
    expect(report.results).toMatchObject([{ id: "apps", verdict: "pass" }]);
    expect(report.health).toMatchObject([{ layer: "api-server", what: expect.stringContaining("leader changed") }]);
    expect(readFileSync(join(evidence, "objects.json"), "utf8")).toContain("unavailable: GET /api: 503");
  });
});

describe("Jaeger", () => {
  const verdictOf = async (lastTrace: (now: number) => number | undefined) => {
    const lab = await fakeWorld();
    lab.state.lastTrace = lastTrace(lab.state.clock.now());
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["jaeger"] });
    return report.results[0]?.verdict;
  };

  it("proves nothing by the spans of an earlier run", async () => {
    expect(await verdictOf(() => undefined)).toBe("pass");
    expect(await verdictOf((now) => now - 60_000)).toBe("inconclusive");
  });
});
