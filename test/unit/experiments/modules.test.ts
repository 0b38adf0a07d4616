import { describe, expect, test, vi } from "vitest";
import { apiVersions, layers } from "../../../config/vocabulary";
import * as names from "../../../experiments/names";
import { moduleOf, objects, objectsOf } from "../../../experiments/objects";
import { tour } from "../../../experiments/tour";
import type { Experiment } from "../../../experiments/types";
import { modules } from "../../../modules/index";
import type { Slice } from "../../../modules/slice";
import type { KubeObject, LabClient, ObjectRef } from "../../../verify/lab-client";
import { PodFinder } from "../../../verify/pods";
import { unenrolledPods } from "../../../verify/repair/mesh-state";
import { explain } from "../../../verify/report/explain";
import { labFacts } from "../verify/fake/facts";

/** A module that exists in this test alone, registered as any other. */
const { trivial, experiment } = vi.hoisted(() => {
  const trivial: Slice = {
    objects: { "Deployment/appz": "app", "Gateway/appz-waypoint": { layer: "waypoint", namespace: "third" } },
    workloads: { appz: { mesh: true, policy: "AuthorizationPolicy/appz-only" } },
    waypoints: { "appz-waypoint": { namespace: "third" } },
    services: { "appz-front": { pods: "appz", namespace: "third", waypoint: "appz-waypoint" } },
    images: (istio) => [`registry.test/appz:${istio}`],
  };
  const experiment = {
    ...{ id: "trivial", module: "trivial", title: "appz answers", question: "Does appz answer?", why: "", rows: [] },
    tour: { id: "appz", title: "Ask appz" },
    objects: ["Deployment/appz"],
    steps: () => [
      {
        ...{ kind: "probe", name: "appa may GET appz", from: "appa", to: "service", service: "appz-front" },
        ...{ method: "GET", path: "/get", expect: { outcome: "answered", through: ["waypoint"] } },
      },
    ],
  } as unknown as Experiment;
  return { trivial, experiment };
});

vi.mock("../../../modules/index", async (original) => {
  const registry = await original<typeof import("../../../modules/index")>();
  return { ...registry, modules: { ...registry.modules, trivial } };
});
vi.mock("../../../modules/experiments", async (original) => {
  const { moduleExperiments } = await original<typeof import("../../../modules/experiments")>();
  return { moduleExperiments: [...moduleExperiments, experiment] };
});

const facts = labFacts({ modules: ["trivial" as never] });
const { signal } = new AbortController();

/** A cluster that lists one ready pod for each question, and records what it was asked. */
function recordingLab() {
  const asked: Partial<ObjectRef & { labels: Record<string, string> }>[] = [];
  const pod = {
    metadata: { name: "pod-1", namespace: "default" },
    spec: { nodeName: "node-1" },
    status: { podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }] },
  };
  const list = async (what: (typeof asked)[number]): Promise<KubeObject[]> => {
    asked.push(what);
    return [pod as KubeObject];
  };
  return { asked, lab: { list } as unknown as LabClient };
}

describe("a module that is registered", () => {
  test("has its objects in the places that its slice names, in a lab with the module alone", () => {
    const all = objects as Record<string, unknown>;
    expect(all["Deployment/appz"]).toEqual({
      ...{ apiVersion: "apps/v1", kind: "Deployment", namespace: "default", name: "appz", layer: "app" },
    });
    expect(all["Gateway/appz-waypoint"]).toMatchObject({ namespace: "third", layer: "waypoint" });
    expect(moduleOf("Deployment/appz" as never)).toBe("trivial");
    expect(objectsOf(facts.settings)).toContain("Deployment/appz");
    expect(objectsOf({ modules: [] })).not.toContain("Deployment/appz");
  });

  test("has names, waypoints and policies", () => {
    expect(names.hostOf("appz-front" as never)).toBe("appz-front.third.svc.cluster.local");
    expect(names.waypointAt("appz-front" as never)).toBe("appz-waypoint");
    expect(names.podsBehind("appz-front" as never)).toBe("appz");
    expect((names.workloads as Record<string, unknown>).appz).toMatchObject({
      policy: "AuthorizationPolicy/appz-only",
    });
  });

  test("has pods that the verifier finds by their labels", async () => {
    const { asked, lab } = recordingLab();
    const finder = new PodFinder(lab);
    expect(await finder.one("appz" as never, signal)).toMatchObject({ name: "pod-1", container: "httpbin" });
    expect(await finder.one("appz-waypoint" as never, signal)).toMatchObject({ container: "istio-proxy" });
    expect(asked).toMatchObject([
      { namespace: "default", labels: { app: "appz" } },
      { namespace: "third", labels: { "gateway.networking.k8s.io/gateway-name": "appz-waypoint" } },
    ]);
  });

  test("has its pods looked for in the mesh, in a lab with the module alone", async () => {
    const asked = async (settings = facts.settings) => {
      const { asked, lab } = recordingLab();
      await unenrolledPods({ settings }, lab, signal).catch(() => undefined);
      return asked.map(({ labels }) => labels?.app);
    };
    expect(await asked()).toContain("appz");
    expect(await asked({ ...facts.settings, modules: [] })).not.toContain("appz");
  });

  test("has a stop of the tour that turns it on, and an explanation", () => {
    expect(tour.find(({ id }) => id === "appz")).toEqual({
      ...{ id: "appz", title: "Ask appz", proof: "trivial", change: { modules: ["trivial"] } },
    });
    expect(explain("trivial", facts.settings)).toMatchObject({
      module: "trivial",
      steps: [
        "appa: GET http://appz-front.third.svc.cluster.local:8000/get → an answer of the app, recorded by appz-waypoint (until three answers in a row; proven by the log of appz-waypoint)",
      ],
    });
  });
});

describe("the slices", () => {
  const declared = Object.keys(objects);

  test("refer to workloads, waypoints and policies that exist", () => {
    for (const [id, slice] of Object.entries(modules as Record<string, Slice>)) {
      if (id === "trivial") continue;
      for (const { pods, waypoint, policy } of Object.values(slice.services ?? {})) {
        expect(Object.keys(names.workloads)).toContain(pods);
        if (waypoint) expect(Object.keys(names.waypoints)).toContain(waypoint);
        if (policy) expect(declared).toContain(policy);
      }
      for (const { policy, peerAuthentication } of Object.values(slice.workloads ?? {})) {
        for (const object of [policy, peerAuthentication]) if (object) expect(declared).toContain(object);
      }
    }
  });

  test("name kinds and layers that the lab knows, each object once", () => {
    const keys = Object.values(modules as Record<string, Slice>).flatMap((slice) => Object.keys(slice.objects ?? {}));
    expect(new Set(keys).size).toBe(keys.length);
    for (const { kind, apiVersion, layer } of Object.values(objects)) {
      expect(apiVersion).toBe(apiVersions[kind]);
      expect(layers).toContain(layer);
    }
  });
});
