import { describe, expect, it } from "vitest";
import { renderText, verifyLab } from "../../../verify";
import { edit } from "./fake/breaks";
import { otlp } from "./fake/tracing";
import { type FakeWorld, fakeWorld } from "./fake/world";

const proxies = ["waypoint.default", "gateway-istio.default"] as const;

/** Jaeger's verdict where spans of some proxies do not arrive. */
const spanless = async (of: readonly string[], change: (lab: FakeWorld) => void = () => undefined) => {
  const lab = await fakeWorld();
  for (const name of of) lab.state.withoutSpans.add(name);
  change(lab);
  const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["apps", "jaeger"] });
  const result = report.results[1];
  const seen = result?.findings.find(({ verdict }) => verdict !== "pass")?.seen;
  return { report, verdict: result?.verdict, layer: result?.layer, seen };
};

describe("a known bug of Istio", () => {
  it.each([
    ["waypoint.default", "https://github.com/istio/istio/issues/61154"],
    ["gateway-istio.default", "https://github.com/istio/istio/issues/60780"],
  ])("is named when all is right and spans of %s alone are absent", async (of, issue) => {
    const { report, verdict, layer } = await spanless([of]);
    expect({ verdict, layer }).toEqual({ verdict: "known-upstream", layer: "jaeger" });
    expect(renderText(report, { colour: false })).toContain(issue);
    expect(report.verdict).toBe("pass");
  });

  it("is no reason when no span arrives at all", async () => {
    expect(await spanless(proxies)).toMatchObject({
      verdict: "inconclusive",
      seen: expect.stringContaining("no span of any proxy arrives at Jaeger"),
    });
  });

  const mistakes: [string, (lab: FakeWorld) => void, string, string][] = [
    [
      "the collector's Service is deleted",
      ({ state }) => state.objects.delete("Service/istio-system/jaeger-collector"),
      "fail",
      "Service/jaeger-collector does not exist",
    ],
    [
      "nobody is behind the collector's Service",
      ({ state }) => edit("Service/istio-system/jaeger-collector", ["spec", "selector", "app"], "nobody")(state),
      "fail",
      "no ready pod behind Service/jaeger-collector",
    ],
    [
      "the mesh asks for no spans",
      ({ state }) => state.objects.delete("ConfigMap/istio-system/istio"),
      "inconclusive",
      "no Telemetry enables tracing",
    ],
    [
      "the mesh has no such provider",
      ({ state }) =>
        edit("ConfigMap/istio-system/istio", ["data", "mesh"], "defaultProviders: { tracing: [jaeger] }")(state),
      "fail",
      "no OpenTelemetry provider of the name jaeger",
    ],
    [
      "a Telemetry switches spans off",
      ({ state }) =>
        state.objects.set("Telemetry/default/quiet", {
          apiVersion: "telemetry.istio.io/v1",
          kind: "Telemetry",
          metadata: { namespace: "default", name: "quiet" },
          spec: { tracing: [{ disableSpanReporting: true }] },
        }),
      "fail",
      "Telemetry default/quiet switches spans off",
    ],
    [
      "istiod gave the proxy no provider",
      ({ state }) => {
        state.tracing = { is: undefined };
      },
      "inconclusive",
      "no tracing provider",
    ],
    [
      "the proxy samples one request of a hundred",
      ({ state }) => {
        state.tracing = { is: otlp("waypoint", 1) };
      },
      "inconclusive",
      "samples 1 % of the requests",
    ],
    [
      "the proxy knows no endpoint of the collector",
      ({ state }) => {
        state.collectorHealth = undefined;
      },
      "fail",
      "has 0 endpoints, and none that is healthy",
    ],
    [
      "the proxy's endpoint of the collector is not healthy",
      ({ state }) => {
        state.collectorHealth = "UNHEALTHY";
      },
      "fail",
      "has 1 endpoints, and none that is healthy",
    ],
    [
      "the proxy's requests to the collector fail",
      ({ state }) => {
        state.collectorErrors = 3;
      },
      "fail",
      "3 errors, no success",
    ],
  ];

  it.each(mistakes)("is no reason when %s", async (_name, change, verdict, words) => {
    expect(await spanless(["waypoint.default"], change)).toMatchObject({
      verdict,
      seen: expect.stringContaining(words),
    });
  });

  it("is no reason when Jaeger is not there", async () => {
    const gone = ({ state }: FakeWorld) => void state.objects.delete("Service/istio-system/tracing");
    expect(await spanless(proxies, gone)).toMatchObject({ verdict: "fail", layer: "jaeger" });
  });
});

describe("Prometheus", () => {
  it("proves nothing of layer 7 where no proxy counts requests", async () => {
    const lab = await fakeWorld();
    lab.state.withoutCounters = true;
    const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["prometheus"] });
    expect(results[0]).toMatchObject({ verdict: "inconclusive", layer: "prometheus" });
    expect(results[0]?.findings.map(({ verdict }) => verdict)).toEqual(["pass", "inconclusive"]);
  });
});

describe("Kiali", () => {
  it("is asked past its cache, which may be from before the requests", async () => {
    const lab = await fakeWorld();
    const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["kiali", "grafana"] });
    expect(results.map(({ id, verdict }) => [id, verdict])).toEqual([
      ["grafana", "pass"],
      ["kiali", "pass"],
    ]);
  });
});
