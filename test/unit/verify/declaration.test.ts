import { describe, expect, it } from "vitest";
import type { LabSettings } from "../../../config/schema";
import { nodeSysctls } from "../../../config/vocabulary";
import { objects } from "../../../experiments/objects";
import { sysctls } from "../../../experiments/platform";
import type { LabObject } from "../../../experiments/slices";
import { moduleNames } from "../../../modules/index";
import { verifyLab } from "../../../verify";
import type { KubeObject } from "../../../verify/lab-client";
import { clusterOf } from "./fake/cluster";
import { type DeclaredLab, declaredLab } from "./fake/declared";
import { labFacts } from "./fake/facts";
import { generatedFor, installedBy } from "./fake/installed";
import { keyOf, keyOfObject } from "./fake/object-key";
import { FakeWorld } from "./fake/world";

/** A change of one fact that the program declares. */
interface Mutation {
  name: string;
  change: (lab: DeclaredLab) => void;
  /** Experiments that fail, each with the layer that it names. */
  detectedBy: Record<string, string>;
  /** @default those of a lab with the defaults */
  settings?: Partial<LabSettings>;
}

function declared(lab: DeclaredLab, key: string): KubeObject {
  const found = lab.objects.find((item) => keyOfObject(item) === key);
  if (!found) throw new Error(`The program declares no ${key}`);
  return found;
}

/** Sets a field of a declared object; undefined removes it. */
const set =
  (key: string, path: readonly (string | number)[], value: unknown) =>
  (lab: DeclaredLab): void => {
    const holder = path
      .slice(0, -1)
      .reduce<unknown>((here, step) => Reflect.get(Object(here), step), declared(lab, key));
    const last = path.at(-1) ?? "";
    if (value === undefined) Reflect.deleteProperty(Object(holder), last);
    else Reflect.set(Object(holder), last, value);
  };
const label = (name: string) => ["metadata", "labels", name];

const rename = (key: string, name: string) => set(key, ["metadata", "name"], name);
const without =
  (...keys: string[]) =>
  (lab: DeclaredLab): void => {
    for (const key of keys) lab.objects.splice(lab.objects.indexOf(declared(lab, key)), 1);
  };

const mutations: Mutation[] = [
  {
    name: "the host of the HTTPRoute",
    change: set("HTTPRoute/default/appb", ["spec", "hostnames"], ["app.opssec.in"]),
    detectedBy: { gateway: "gateway", "ingress-through-waypoint": "gateway", "proxy-config": "gateway" },
  },
  {
    name: "the port of the gateway's listener",
    change: set("Gateway/default/gateway", ["spec", "listeners", 0, "port"], 8080),
    detectedBy: { gateway: "gateway", "ingress-through-waypoint": "gateway" },
  },
  {
    name: "the NodePort of the gateway",
    change: set("Service/default/gateway-loopback", ["spec", "ports", 0, "nodePort"], 30_081),
    detectedBy: { gateway: "gateway", "ingress-through-waypoint": "gateway" },
  },
  {
    name: "the port that the NodePort leads to",
    change: set("Service/default/gateway-loopback", ["spec", "ports", 0, "port"], 81),
    detectedBy: { gateway: "gateway" },
  },
  {
    name: "the pods that the NodePort leads to",
    change: set("Service/default/gateway-loopback", ["spec", "selector"], { app: "gateway" }),
    detectedBy: { gateway: "gateway" },
  },
  {
    name: "the label waypoint-for of the waypoint",
    change: set("Gateway/default/waypoint", label("istio.io/waypoint-for"), "workload"),
    detectedBy: {
      "waypoint-traversed": "waypoint",
      "ingress-through-waypoint": "waypoint",
      "authz-methods": "waypoint",
    },
  },
  {
    name: "the label ingress-use-waypoint of appb",
    change: set("Service/default/appb", label("istio.io/ingress-use-waypoint"), undefined),
    detectedBy: { "ingress-through-waypoint": "waypoint", gateway: "waypoint" },
  },
  {
    name: "the label use-waypoint of appb",
    change: set("Service/default/appb", label("istio.io/use-waypoint"), undefined),
    detectedBy: { "waypoint-traversed": "waypoint", "authz-methods": "waypoint" },
  },
  {
    name: "the name of MetalLB's pool",
    change: rename("IPAddressPool/metallb-system/lab", "laboratory"),
    detectedBy: { "load-balancer": "load-balancer" },
  },
  {
    name: "the addresses of MetalLB's pool",
    change: set("IPAddressPool/metallb-system/lab", ["spec", "addresses"], []),
    detectedBy: { "load-balancer": "load-balancer" },
  },
  {
    name: "the label of the outsider's pods that keeps them out of the mesh",
    change: set("Deployment/default/outsider", ["spec", "template", ...label("istio.io/dataplane-mode")], undefined),
    detectedBy: { enrolment: "ztunnel", bypass: "waypoint" },
  },
  {
    name: "the label of the namespace that enrols it",
    change: ({ patches }) => {
      const enrolment = patches.find(({ kind }) => kind === "Namespace");
      Object.assign(Object(enrolment?.metadata), { labels: { "istio.io/dataplane-mode": "none" } });
    },
    detectedBy: { enrolment: "ztunnel", hbone: "ztunnel", certificates: "ztunnel", bypass: "ztunnel" },
  },
  {
    name: "the port of appb's Service",
    change: set("Service/default/appb", ["spec", "ports", 0, "targetPort"], 8081),
    detectedBy: { gateway: "waypoint", "authz-methods": "waypoint" },
  },
  {
    name: "the ServiceAccount of appa",
    change: without("ServiceAccount/default/appa"),
    detectedBy: { apps: "app" },
  },
  {
    name: "the listener of the waypoint",
    change: set("Gateway/default/waypoint", ["spec", "listeners", 0, "protocol"], "HTTP"),
    detectedBy: { "waypoint-traversed": "waypoint" },
  },
  {
    name: "the kernel limits of the nodes",
    change: ({ sysctls: limits }) => {
      limits["fs.inotify.max_user_instances"] = 512;
    },
    detectedBy: { sysctls: "nodes" },
  },
  {
    name: "the number of workers",
    change: ({ nodes }) => void nodes.pop(),
    detectedBy: { nodes: "nodes" },
  },
];

describe("every fact that the program declares decides a verdict", () => {
  it.each(mutations)("$name", async ({ change, detectedBy, settings }) => {
    const lab = await declaredLab(settings);
    change(lab);
    const world = new FakeWorld(clusterOf(lab));
    const options = { lab: world, clock: world.state.clock, only: Object.keys(detectedBy) };
    const { verdict, results } = await verifyLab(world.state.facts, options);
    const failed = results.filter(({ verdict }) => verdict === "fail").map(({ id, layer }) => [id, layer]);
    expect(Object.fromEntries(failed)).toEqual(detectedBy);
    expect(verdict).not.toBe("pass");
  });
});

describe("the declaration of the program", () => {
  it("has outputs that describe the lab of the other tests", async () => {
    for (const settings of [{}, { modules: moduleNames }, { allowedCallers: [], faultEnabled: false, addons: [] }])
      expect((await declaredLab(settings)).facts).toEqual({ ...labFacts(settings), declared: expect.any(Array) });
  });

  it("holds every object that an experiment names, those of charts and of istiod excepted", async () => {
    const { facts, objects: own, patches, releases } = await declaredLab({ modules: moduleNames });
    const ownKeys = own.map(keyOfObject);
    // A namespace that exists in every cluster is the program's as far as it changes it.
    const changed = patches.filter(({ kind }) => kind === "Namespace").map(keyOfObject);
    const byRelease = releases.flatMap((release) => installedBy(release, facts)).map(keyOfObject);
    const byGateway = own
      .filter(({ kind }) => kind === "Gateway")
      .flatMap((gateway) => generatedFor(gateway, releases, facts))
      .map(keyOfObject);
    const known = new Set([...ownKeys, ...changed, ...byRelease, ...byGateway]);
    const named = (Object.keys(objects) as LabObject[]).map((name) => {
      const { kind, name: called, ...more } = objects[name];
      return keyOf(kind, "namespace" in more ? more.namespace : "", called);
    });
    expect(named.filter((key) => !known.has(key))).toEqual([]);
    expect(named.filter((key) => byRelease.includes(key)).sort()).toEqual([
      "DaemonSet/istio-system/istio-cni-node",
      "DaemonSet/istio-system/ztunnel",
      "Deployment/istio-system/istiod",
      "Service/istio-system/grafana",
      "Service/istio-system/kiali",
      "Service/istio-system/prometheus",
      "Service/istio-system/tracing",
    ]);
    expect(named.filter((key) => byGateway.includes(key)).sort()).toEqual([
      "Deployment/default/agentgateway",
      "Deployment/default/cost-proxy",
      "Deployment/default/gateway-istio",
      "Deployment/default/shared-waypoint",
      "Deployment/default/waypoint",
      "Deployment/egress/egress-waypoint",
      "Deployment/second/second-waypoint",
      "Service/default/gateway-istio",
    ]);
  });

  it("declares the objects of a module with the API version that the experiments read", async () => {
    const { objects: own } = await declaredLab({ modules: moduleNames });
    const versions = new Map(own.map((item) => [keyOfObject(item), item.apiVersion]));
    for (const spec of Object.values(objects)) {
      const key = keyOf(spec.kind, "namespace" in spec ? spec.namespace : "", spec.name);
      if (versions.has(key)) expect(versions.get(key), key).toBe(spec.apiVersion);
    }
  });

  it("raises the kernel limits to those that the experiment requires", () => {
    const [check] = sysctls.steps(labFacts().settings);
    expect(check).toMatchObject({ check: "sysctls", atLeast: nodeSysctls });
  });
});
