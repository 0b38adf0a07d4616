import { describe, expect, test } from "vitest";
import {
  baseValues,
  cniValues,
  type IstioSettings,
  istiodValues,
  ztunnelValues,
} from "../../../components/istio-values";

const laptop: IstioSettings = { resources: "laptop", logLevel: "debug", tracing: true, modules: [] };

interface Sized {
  resources: { requests: { memory: string } };
}
const mebibytes = (values: unknown) => Number.parseInt((values as Sized).resources.requests.memory, 10);

describe("Istio's values", () => {
  test("the whole mesh of three nodes, gateway and waypoint requests at most 512 MiB on a laptop", () => {
    const istiod = istiodValues(laptop) as { global: { proxy: Sized; waypoint: Sized } };
    const nodes = 3 * (mebibytes(cniValues(laptop)) + mebibytes(ztunnelValues(laptop)));
    const proxies = mebibytes(istiod.global.proxy) + mebibytes(istiod.global.waypoint);
    const total = mebibytes(istiod) + nodes + proxies;
    expect(total).toBeGreaterThan(256);
    expect(total).toBeLessThanOrEqual(512);
  });

  test("roomy keeps the charts' own requests", () => {
    const roomy = { ...laptop, resources: "roomy" } as const;
    for (const values of [istiodValues(roomy), cniValues(roomy), ztunnelValues(roomy)]) {
      expect(JSON.stringify(values)).not.toMatch(/requests|autoscale/);
    }
  });

  test("every chart takes the ambient profile, and the charts with images their hub", () => {
    for (const values of [istiodValues(laptop), cniValues(laptop), ztunnelValues(laptop)]) {
      expect(values).toMatchObject({ profile: "ambient", global: { hub: "docker.io/istio" } });
    }
    expect(baseValues()).toMatchObject({ profile: "ambient" });
  });

  test("a platform reaches every chart, and nothing of it without one", () => {
    const onGke = { ...laptop, platform: "gke" };
    for (const values of [baseValues(onGke), istiodValues(onGke), cniValues(onGke), ztunnelValues(onGke)]) {
      expect(values).toMatchObject({ global: { platform: "gke" } });
    }
    for (const values of [baseValues(laptop), istiodValues(laptop), cniValues(laptop), ztunnelValues(laptop)]) {
      expect(JSON.stringify(values)).not.toContain("platform");
    }
  });

  test("istiod knows agentgateway where a module asks for it, and nowhere else", () => {
    const env = { PILOT_ENABLE_AGENTGATEWAY: "true" };
    expect(istiodValues({ ...laptop, modules: ["agentgateway"] })).toMatchObject({ env });
    expect(JSON.stringify(istiodValues(laptop))).not.toContain("AGENTGATEWAY");
  });

  test("when the webhooks start to refuse is left to istiod, which knows when the API server reaches it", () => {
    for (const values of [baseValues(), istiodValues(laptop)]) {
      expect(JSON.stringify(values)).not.toContain("validationFailurePolicy");
    }
  });

  test.each([
    ["debug", "debug", "debug"],
    ["warning", "warn", "warning"],
  ] as const)("log level %s is %s for Istio and %s for Envoy", (logLevel, istio, envoy) => {
    const settings = { ...laptop, logLevel };
    expect(istiodValues(settings)).toMatchObject({
      global: { logging: { level: `default:${istio}` }, proxy: { logLevel: envoy } },
    });
    expect(cniValues(settings)).toMatchObject({ logging: { level: `cni:${istio},ambient:${istio}` } });
    expect(ztunnelValues(settings)).toMatchObject({ logLevel: istio });
  });

  test("with the module cost the proxies write no debug lines, and the rest of Istio does", () => {
    const settings: IstioSettings = { ...laptop, modules: ["cost"] };
    expect(istiodValues(settings)).toMatchObject({
      global: { logging: { level: "default:debug" }, proxy: { logLevel: "info" } },
    });
    expect(ztunnelValues(settings)).toMatchObject({ logLevel: "info" });
    expect(ztunnelValues({ ...settings, logLevel: "warning" })).toMatchObject({ logLevel: "warn" });
  });

  test("a change of policy reaches kept connections within seconds", () => {
    expect(istiodValues(laptop)).toMatchObject({ meshConfig: { defaultConfig: { drainDuration: "5s" } } });
  });

  test("every span is sent to Jaeger when it is there, and none otherwise", () => {
    expect(istiodValues(laptop)).toMatchObject({
      traceSampling: 100,
      meshConfig: { enableTracing: true, defaultProviders: { tracing: ["jaeger"] }, accessLogFile: "/dev/stdout" },
    });
    const untraced = istiodValues({ ...laptop, tracing: false });
    expect(untraced).toMatchObject({ meshConfig: { accessLogFile: "/dev/stdout" } });
    expect(JSON.stringify(untraced)).not.toMatch(/trac|jaeger/i);
  });
});
