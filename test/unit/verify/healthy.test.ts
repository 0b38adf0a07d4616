import { describe, expect, it } from "vitest";
import type { LabSettings } from "../../../config/schema";
import { moduleNames } from "../../../modules/index";
import { exitCodeFor, renderText, verifyLab } from "../../../verify";
import { type FakeWorld, fakeWorld } from "./fake/world";

const verify = (lab: FakeWorld) => verifyLab(lab.state.facts, { lab, clock: lab.state.clock });

describe("verifyLab() on a healthy lab", () => {
  const settings: [string, Partial<LabSettings>][] = [
    ["the defaults", {}],
    ["only the gateway allowed", { allowedCallers: ["gateway"] }],
    ["only appa allowed", { allowedCallers: ["appa"] }],
    ["the stranger allowed", { allowedCallers: ["stranger", "appa"] }],
    ["everybody allowed", { allowedCallers: ["appa", "gateway", "stranger"] }],
    ["nobody allowed", { allowedCallers: [] }],
    ["POST beside GET", { allowedMethods: ["GET", "POST"] }],
    ["only POST", { allowedMethods: ["POST"] }],
    ["every method", { allowedMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] }],
    ["no fault", { faultEnabled: false }],
    ["fault at 0 %", { faultPercent: 0 }],
    ["fault at 1 %", { faultPercent: 1 }],
    ["fault at 100 %", { faultPercent: 100 }],
    ["fault of 10 ms", { faultDelay: "10ms" }],
    ["fault of 90 s", { faultDelay: "90s" }],
    ["fault on every path", { faultPath: "/" }],
    ["fault on /get", { faultPath: "/get" }],
    ["the bypass open", { closeBypass: false }],
    ["no dashboards", { addons: [] }],
    ["one worker more", { workers: 3 }],
    ["every module", { modules: moduleNames }],
    ["every module, and nobody allowed", { modules: moduleNames, allowedCallers: [] }],
    ["every module, and only POST", { modules: moduleNames, allowedMethods: ["POST"] }],
    ["every module, and the stranger allowed", { modules: moduleNames, allowedCallers: ["stranger"] }],
    ["nothing for the second version", { modules: ["traffic-split"], splitWeight: 0 }],
    ["all for the second version", { modules: ["traffic-split"], splitWeight: 100 }],
  ];

  it.each(settings)("passes with %s", async (_name, some) => {
    const report = await verify(await fakeWorld(some));
    expect(renderText(report, { colour: false })).toMatch(/PASS {2}/);
    expect(report.drift).toEqual([]);
    expect(exitCodeFor(report)).toBe(0);
  });

  it("finds the declared routes with the default port of HTTPS, which istiod omits in a redirect", async () => {
    const lab = await fakeWorld({ modules: ["gateway-tls"], httpsPort: 443 });
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["proxy-config"] });
    expect(report.results.map(({ id, verdict }) => [id, verdict])).toEqual([["proxy-config", "pass"]]);
  });

  it("passes where ztunnel logs when a connection is opened as well, and its end late", async () => {
    const lab = await fakeWorld({ modules: ["cost", "fail-open"] });
    lab.state.verbose = true;
    const only = ["bypass", "fail-open", "cost-policies", "interop"];
    const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only });
    const missed = results.flatMap(({ findings }) => findings.filter(({ verdict }) => verdict !== "pass"));
    expect(missed.map(({ name, seen }) => `${name}: ${seen}`)).toEqual([]);
  });

  it("ends within two minutes of lab time", async () => {
    const report = await verify(await fakeWorld());
    expect(report.durationMs).toBeLessThan(120_000);
  });
});

describe("verifyLab() without the right to read Secrets", () => {
  const blind = async (modules: LabSettings["modules"]) => {
    const lab = await fakeWorld({ modules });
    const read = lab.read.bind(lab);
    lab.read = async (ref, signal) => {
      if (ref.kind === "Secret") throw new Error(`403 secrets "${ref.name}" is forbidden`);
      return read(ref, signal);
    };
    return lab;
  };

  it("passes if no module uses a Secret", async () => {
    expect((await verify(await blind([]))).verdict).toBe("pass");
  });

  it("reports the missing right if a module uses a Secret", async () => {
    const { verdict, health } = await verify(await blind(["gateway-tls"]));
    expect(verdict).toBe("inconclusive");
    expect(health).toMatchObject([{ what: expect.stringContaining('secrets "gateway-tls" is forbidden') }]);
  });
});
