import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../../../config/load";
import { type ConfigKey, configKeys } from "../../../config/schema";
import { loadConfig } from "../../../config/stack-config";
import { nodeImage, versions } from "../../../config/versions";
import { durationMs } from "../../../config/vocabulary";
import { LabErrors, type Problem } from "../../../host/errors";

const yaml = (file: string) => parse(readFileSync(join(__dirname, "../../..", file), "utf8"));

const existing = { cluster: "existing", kubeconfig: "/k", context: "c", appImage: "registry.test/httpbin:1" };
const ranged = { addressRange: "10.0.0.200-10.0.0.210", gatewayAnnotations: ["example.org/scheme=internal"] };

/** The problems of a configuration that must be refused. */
function problemsOf(raw: Record<string, unknown>): readonly Problem[] {
  try {
    parseConfig(raw);
  } catch (error) {
    if (!(error instanceof LabErrors)) throw error;
    expect(error.exitCode).toBe(2);
    return error.problems;
  }
  throw new Error(`${JSON.stringify(raw)} was accepted`);
}

describe("parseConfig", () => {
  test("does not repeat the password of a URL that it refuses, and takes URLs without one", () => {
    const mirrored = problemsOf({ imageMirrors: ["docker.io=https://ann:s3cret@mirror.corp"] });
    const sourced = problemsOf({ artifactSource: "https://s3cret@files.corp" });
    for (const { what } of [...mirrored, ...sourced]) {
      expect(what).toContain("must not hold a user name or password");
      expect(what).toContain("https://[left out]@");
      expect(what).not.toContain("s3cret");
    }
    const clean = { imageMirrors: ["docker.io=https://mirror.corp/a@b"], artifactSource: "/home/ann@corp/bundle" };
    expect(parseConfig(clean)).toMatchObject(clean);
  });

  test("parseConfig() of nothing gives the lab of the story", () => {
    expect(parseConfig({})).toMatchObject({
      cluster: "kind",
      workers: 2,
      resources: "laptop",
      logLevel: "debug",
      domain: "opssec.in",
      allowedCallers: ["appa", "gateway"],
      allowedMethods: ["GET"],
      faultEnabled: true,
      faultPath: "/headers",
      faultDelay: "2s",
      faultPercent: 50,
      closeBypass: true,
      addons: ["prometheus", "grafana", "jaeger", "kiali"],
      modules: [],
      imageSource: "preload",
      imageMirrors: [],
    });
  });

  test.each<[string, unknown, RegExp]>([
    ["cluster", "eks", /kind.*existing/],
    ["platform", "eks", /gke.*minikube/],
    ["addressRange", "10.0.0.200", /10\.0\.0\.200-10\.0\.0\.210/],
    ["gatewayAnnotations[0]", ["scheme"], /annotation=value/],
    ["istioVersion", "1.31", /1\.30\.x from 1\.30\.4, 1\.31\.x from 1\.31\.0/],
    ["istioVersion", "1.30.3", /1\.30\.x from 1\.30\.4/],
    ["istioVersion", "1.33.0", /a version of Istio that the lab knows/],
    ["metallbVersion", "v0.15.3", /not older than v0\.16\.1/],
    ["metallbVersion", "0.16.2", /like "v0\.16\.2"/],
    ["workers", 0, />=1/],
    ["workers", 9, /<=8/],
    ["workers", "two", /number/],
    ["workers", 1.5, /int/],
    ["nodeImage", "kindest/node :1", /image reference/],
    ["subnet", "172.30.0.0", /IPv4 subnet/],
    ["subnet", "fd00::/64", /IPv4 subnet/],
    ["subnet", "172.30.0.0/29", /\/28 or larger/],
    ["subnet", "10.244.12.0/24", /10\.244\.0\.0\/16 \(pods\)/],
    ["subnet", "10.96.0.0/12", /10\.96\.0\.0\/16 \(Services\)/],
    ["subnet", "127.0.0.0/24", /loopback/],
    ["subnet", "169.254.8.0/24", /link-local/],
    ["subnet", "239.1.0.0/16", /multicast/],
    ["subnet", "0.0.0.0/0", /this host/],
    ["httpPort", 80, />=1024/],
    ["httpPort", 65536, /<=65535/],
    ["resources", "huge", /laptop/],
    ["logLevel", "trace", /debug/],
    ["domain", "a b", /DNS domain/],
    ["domain", "opssec", /DNS domain/],
    ["domain", "Opssec.In", /DNS domain/],
    ["allowedCallers[1]", ["appa", "appc"], /stranger/],
    ["allowedCallers", ["appa", "appa"], /twice/],
    ["allowedCallers", "appa", /array/],
    ["allowedMethods", [], />=1/],
    ["allowedMethods[0]", ["get"], /GET/],
    ["faultEnabled", "maybe", /boolean/],
    ["faultPath", "headers", /path like/],
    ["faultDelay", "2", /with its unit/],
    ["faultDelay", 2, /with its unit/],
    ["faultDelay", "0s", /with its unit/],
    ["faultPercent", 101, /<=100/],
    ["faultPercent", -1, />=0/],
    ["faultPercent", 0.5, /int/],
    ["closeBypass", 1, /boolean/],
    ["addons[1]", ["prometheus", "loki"], /kiali/],
    ["modules[1]", ["fail-open", "mayhem"], /fail-open/],
    ["modules", ["fail-open", "fail-open"], /twice/],
    ["splitWeight", 101, /<=100/],
    ["imageSource", "push", /preload/],
    ["imageMirrors[0]", ["docker.io"], /registry=https/],
    ["imageCache", "sometimes", /boolean/],
    ["caFile", "ca.pem", /absolute path/],
    ["appImage", "my image", /image reference/],
  ])("parseConfig() refuses %s = %j and names what is allowed", (path, value, allowed) => {
    const key = path.replace(/\[.*/, "");
    const isList = Array.isArray(parseConfig({})[key as ConfigKey]);
    const [problem, ...more] = problemsOf({ [key]: value });
    expect(more).toEqual([]);
    expect(problem?.what).toContain(`Config key "${path}" is refused`);
    expect(problem?.what).toMatch(allowed);
    expect(problem?.what).toContain(`current value is ${JSON.stringify(value)}`);
    expect(problem?.fix).toContain(`npm run lab -- config set ${key} ${isList ? "'[VALUE]'" : "VALUE"} `);
  });

  test("parseConfig() refuses an unknown key and names the nearest one", () => {
    const [problem] = problemsOf({ faultPercents: 10 });
    expect(problem?.what).toBe('Config key "faultPercents" does not exist');
    expect(problem?.fix).toBe('npm run lab -- config rm faultPercents   (did you mean "faultPercent"?)');
  });

  test.each(["constructor", "toString", "__proto__x"])("parseConfig() refuses the unknown key %s", (key) => {
    expect(problemsOf({ [key]: "1" })[0]?.what).toBe(`Config key "${key}" does not exist`);
  });

  test("parseConfig() reports every problem at once", () => {
    const whats = problemsOf({ wokers: 1, workers: 0, domain: "a b", faultDelay: "2", addons: ["loki"] }).map(
      ({ what }) => /"([^"]+)"/.exec(what)?.[1],
    );
    expect(whats.sort()).toEqual(["addons[0]", "domain", "faultDelay", "wokers", "workers"]);
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ["an existing cluster without a context", { ...existing, context: "" }, /"kubeconfig" and "context"/],
    ["an existing cluster without a kubeconfig", { ...existing, kubeconfig: "" }, /"kubeconfig" and "context"/],
    ["an existing cluster without an image of the apps", { ...existing, appImage: "" }, /"appImage" is not set/],
    ["a platform for a kind cluster", { platform: "gke" }, /key "platform" has no meaning/],
    ["addresses and annotations for a kind cluster", ranged, /keys "addressRange", "gatewayAnnotations" have no/],
    ["a context for a kind cluster", { context: "prod" }, /no meaning/],
    ["Kiali without Prometheus", { addons: ["kiali"] }, /kiali without prometheus/],
    [
      "agentgateway with an Istio that has no waypoint of it",
      { modules: ["agentgateway"], istioVersion: "1.30.7" },
      /agentgateway, with Istio 1.30.7/,
    ],
    ["Grafana without Prometheus", { addons: ["grafana", "jaeger"] }, /grafana without prometheus/],
  ])("parseConfig() refuses %s", (_, raw, what) => {
    const problems = problemsOf(raw);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.what).toMatch(what);
  });

  test("parseConfig() accepts an existing cluster with all of its keys", () => {
    expect(parseConfig(existing)).toMatchObject(existing);
    const cloud = { ...existing, platform: "gke", ...ranged, istioVersion: "1.30.7" };
    expect(parseConfig(cloud)).toMatchObject(cloud);
  });

  test("parseConfig() reads values as the strings the engine hands over", () => {
    const raw = {
      workers: "3",
      faultEnabled: "false",
      faultPercent: "0",
      allowedCallers: '["stranger"]',
      addons: "[]",
      faultDelay: "500ms",
      httpPort: "8080",
    };
    expect(parseConfig(raw)).toMatchObject({
      workers: 3,
      faultEnabled: false,
      faultPercent: 0,
      allowedCallers: ["stranger"],
      addons: [],
      faultDelay: "500ms",
      httpPort: 8080,
    });
  });

  test("parseConfig() keeps text that looks like a number where the key holds text", () => {
    expect(parseConfig({ ...existing, context: "2024" }).context).toBe("2024");
  });

  test("parseConfig() refuses the text of a list that is cut", () => {
    expect(problemsOf({ addons: '["kiali"' })[0]?.what).toContain('Config key "addons" is refused');
  });
});

describe("loadConfig", () => {
  test("loadConfig() reads the project's keys and leaves those of others alone", async () => {
    const nothing = { newResource: () => ({ id: "", state: {} }), call: () => ({}) };
    await pulumi.runtime.setMocks(nothing, "ambient-lab", "unit");
    pulumi.runtime.setAllConfig({ "ambient-lab:workers": "4", "kubernetes:context": "prod", "pulumi:tags": "{}" });
    expect(loadConfig().workers).toBe(4);
  });
});

describe("Pulumi.yaml", () => {
  const declared: Record<string, { type: string; default: unknown; description: string }> = yaml("Pulumi.yaml").config;

  test("Pulumi.yaml declares the keys of the schema, in its order, each with type, default and description", () => {
    expect(Object.keys(declared)).toEqual(configKeys);
    for (const [key, { type, default: value, description }] of Object.entries(declared)) {
      expect(type, key).toBe(Array.isArray(value) ? "array" : typeof value === "number" ? "integer" : typeof value);
      expect(description.length, key).toBeGreaterThan(20);
    }
  });

  test("Pulumi.yaml leaves the pins to config/versions.ts", () => {
    expect([declared.istioVersion?.default, declared.metallbVersion?.default, declared.nodeImage?.default]).toEqual([
      ...["", "", ""],
    ]);
    expect(parseConfig({})).toMatchObject({
      istioVersion: versions.istio,
      metallbVersion: versions.metallb,
      nodeImage,
    });
  });

  test("Pulumi.yaml's defaults are read the same as strings from the engine", () => {
    const text = ({ default: value }: { default: unknown }) =>
      typeof value === "string" ? value : JSON.stringify(value);
    const strings = Object.fromEntries(Object.entries(declared).map(([key, value]) => [key, text(value)]));
    expect(parseConfig(strings)).toEqual(parseConfig({}));
  });

  test("Pulumi.dev.yaml is a configuration that the lab accepts", () => {
    const { config } = yaml("Pulumi.dev.yaml") as { config: Record<string, unknown> };
    const own = Object.entries(config).map(([key, value]) => [key.replace("ambient-lab:", ""), value]);
    expect(parseConfig(Object.fromEntries(own)).workers).toBe(2);
  });
});

test.each([
  ["2s", 2000],
  ["500ms", 500],
  ["1ms", 1],
])("durationMs() of %s is %i", (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});
