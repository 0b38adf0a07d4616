import { describe, expect, it } from "vitest";
import { renderText, verifyLab } from "../../../verify";
import { type FakeWorld, fakeWorld } from "./fake/world";

const spanless = async (change: (lab: FakeWorld) => void = () => undefined) => {
  const lab = await fakeWorld();
  lab.state.spanless = true;
  change(lab);
  return verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["apps", "jaeger"] });
};

describe("jaeger", () => {
  it("names Istio's bug when the mesh is told to export spans and none arrive", async () => {
    const report = await spanless();
    expect(report.results[1]).toMatchObject({ id: "jaeger", verdict: "known-upstream", layer: "jaeger" });
    expect(renderText(report, { colour: false })).toContain("https://github.com/istio/istio/issues/61154");
    expect(report.verdict).toBe("pass");
  });

  it("is inconclusive when nobody asked for spans", async () => {
    const report = await spanless(({ state }) => state.objects.delete("ConfigMap/istio-system/istio"));
    expect(report.results[1]).toMatchObject({ verdict: "inconclusive" });
    expect(report.verdict).toBe("inconclusive");
  });

  it("fails when Jaeger is not there", async () => {
    const report = await spanless(({ state }) => state.objects.delete("Service/istio-system/tracing"));
    expect(report.results[1]).toMatchObject({ verdict: "fail", layer: "jaeger" });
  });
});
