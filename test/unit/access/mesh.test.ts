import { describe, expect, test } from "vitest";
import { computeDecision } from "../../../access/computed/decide";
import { httpPortsOf, isHttpPort, portOf } from "../../../access/computed/objects/pods";
import { istioVersion, readMesh } from "../../../access/mesh/read";
import type { AccessRequest } from "../../../access/types";
import type { KubeObject } from "../../../verify/lab-client";
import { FakeCluster, meshObjects } from "./fake-cluster";

const never = new AbortController().signal;
const meshOf = (objects: KubeObject[], ...forbidden: readonly string[]) => {
  const cluster = new FakeCluster(objects, () => ({ status: 200 }));
  for (const each of forbidden) cluster.forbidden.add(each);
  return readMesh(cluster, never);
};

const istiod = (revision: string, version: string): KubeObject => ({
  ...{ apiVersion: "v1", kind: "Pod", status: { phase: "Running" } },
  metadata: {
    name: `istiod-${revision}`,
    namespace: "istio-system",
    labels: { app: "istiod", "istio.io/rev": revision },
  },
  spec: { containers: [{ name: "discovery", image: `docker.io/istio/pilot:${version}-distroless` }] },
});
const config = (revision: string, trustDomain: string): KubeObject =>
  Object.assign(
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `istio-${revision}`, namespace: "istio-system" } },
    { data: { mesh: `trustDomain: ${trustDomain}\n` } },
  );

/** A cluster in the midst of an upgrade: two revisions, and the namespace of the mesh selects `selected`. */
const upgraded = (selected: string | undefined, tags: Readonly<Record<string, string>> = {}): KubeObject[] => [
  ...meshObjects()
    .filter(({ metadata }) => metadata?.labels?.app !== "istiod")
    .map((object) =>
      object.kind === "Namespace" && object.metadata?.name === "default" && selected
        ? {
            ...object,
            metadata: { ...object.metadata, labels: { ...object.metadata.labels, "istio.io/rev": selected } },
          }
        : object,
    ),
  ...[istiod("1-30", "1.30.6"), config("1-30", "old.test"), istiod("1-31", "1.31.4"), config("1-31", "new.test")],
  ...Object.entries(tags).map(([tag, revision]) => ({
    ...{ apiVersion: "v1", kind: "Service" },
    metadata: {
      ...{ name: `istiod-revision-tag-${tag}`, namespace: "istio-system" },
      labels: { app: "istiod", "istio.io/rev": revision, "istio.io/tag": tag },
    },
  })),
];

const request: AccessRequest = {
  from: { kind: "workload", namespace: "default", serviceAccount: "appa", labels: { app: "appa" }, inMesh: true },
  to: { kind: "service", service: { namespace: "default", name: "appb" }, port: 8000 },
  ...{ method: "GET", path: "/", host: "appb.default.svc.cluster.local:8000", headers: {} },
};

describe("the settings of a mesh", () => {
  test.each<[string, string | undefined, Record<string, string>, string, string]>([
    ["the revision that its namespaces name", "1-31", {}, "new.test", "1.31.4"],
    ["another revision that its namespaces name", "1-30", {}, "old.test", "1.30.6"],
    ["the revision of a tag", "stable", { stable: "1-30" }, "old.test", "1.30.6"],
    ["the revision of the tag default, where they name none", undefined, { default: "1-31" }, "new.test", "1.31.4"],
  ])("are those of %s", async (_about, selected, tags, trustDomain, version) => {
    const mesh = await meshOf(upgraded(selected, tags));
    expect(mesh.trustDomain).toBe(trustDomain);
    expect(istioVersion(mesh)).toBe(version);
    expect(mesh.unread).toEqual([]);
  });

  test("are not known where several revisions run and the namespaces select none of them", async () => {
    const mesh = await meshOf(upgraded(undefined));
    expect(istioVersion(mesh)).toBeUndefined();
    expect(computeDecision(mesh, request)).toMatchObject({
      outcome: "unknown",
      because: expect.stringContaining("revisions 1-30, 1-31, and the namespaces of the mesh select default"),
    });
  });

  test("are not known where they cannot be read", async () => {
    const mesh = await meshOf(meshObjects(), "get ConfigMap");
    expect(computeDecision(mesh, request)).toMatchObject({
      outcome: "unknown",
      because: expect.stringContaining("MeshConfig"),
    });
  });

  test("are those of the only istiod, whatever its revision", async () => {
    const other = upgraded(undefined).filter(({ metadata }) => !metadata?.name?.endsWith("1-30"));
    expect((await meshOf(other)).trustDomain).toBe("new.test");
  });
});

describe("the objects of a mesh", () => {
  test.each(["TCPRoute", "TLSRoute", "TrafficExtension"])("have every %s, once", async (kind) => {
    const object = { apiVersion: "x/v1", kind, metadata: { name: "one", namespace: "default" } };
    const { objects } = await meshOf([...meshObjects(), object]);
    expect(objects.filter((each) => each.kind === kind)).toHaveLength(1);
    expect((await meshOf(meshObjects(), `list ${kind}`)).unread.map((each) => each.kind)).toEqual([kind]);
  });
});

// istio 1.31: pkg/config/kube/conversion.go (ConvertProtocol, with the cases of its TestConvertProtocol), and pilot/pkg/networking/core/listener_waypoint.go
// (buildWaypointInternal): a port of protocol "Unsupported" has a chain for HTTP, chosen by the first bytes of a connection.
describe("a port of a Service, at a waypoint", () => {
  test.each<[object, boolean, string]>([
    [{ port: 8888 }, true, "without a name: detected"],
    [{ port: 3306 }, false, "without a name, MySQL's own"],
    [{ port: 3306, name: "random-name" }, false, "named random-name, MySQL's own"],
    [{ port: 3306, name: "random-name", appProtocol: "kubernetes.io/h2c" }, true, "MySQL's own, with appProtocol"],
    [{ port: 8888, name: "grpcweb-x" }, true, "named grpcweb-x: detected"],
    [{ port: 3306, name: "http" }, true, "MySQL's own, named http"],
    [{ port: 8888, name: "http" }, true, "named http"],
    [{ port: 8888, name: "HTTP-test" }, true, "named HTTP-test"],
    [{ port: 8888, name: "httptest" }, true, "named httptest: detected"],
    [{ port: 8888, name: "grpc-web" }, true, "named grpc-web"],
    [{ port: 8888, name: "grpc-test" }, true, "named grpc-test"],
    [{ port: 8888, name: "mongo" }, false, "named mongo"],
    [{ port: 8888, name: "redis-test" }, false, "named redis-test"],
    [{ port: 8888, name: "udp" }, false, "named udp"],
    [{ port: 8888, name: "tcp", appProtocol: "http" }, true, "named tcp, with appProtocol http"],
    [{ port: 8888, name: "http", appProtocol: "tcp" }, false, "named http, with appProtocol tcp"],
    [{ port: 8888, name: "http", appProtocol: "kubernetes.io/wss" }, false, "with appProtocol kubernetes.io/wss"],
    [{ port: 8888, appProtocol: "kubernetes.io/h2c" }, true, "with appProtocol kubernetes.io/h2c"],
    [{ port: 8888, name: "https", appProtocol: "custom" }, true, "with an appProtocol that says nothing: detected"],
  ])("%j is read as HTTP: %s (%s)", (entry, isHttp) => {
    expect(isHttpPort(entry)).toBe(isHttp);
  });

  const service = (...ports: readonly object[]): KubeObject => ({ kind: "Service", metadata: {}, spec: { ports } });

  test("is asked when it says that it is for HTTP, else when a proxy would look for HTTP in it", () => {
    expect(httpPortsOf(service({ port: 1 }, { port: 2, name: "http" }, { port: 3, name: "tcp" }))).toEqual([2]);
    expect(httpPortsOf(service({ port: 1 }, { port: 3, name: "tcp" }))).toEqual([1]);
    expect(httpPortsOf(service({ port: 3, name: "tcp" }))).toEqual([]);
    expect(portOf(service({ port: 53, protocol: "UDP" }), 53)).toBeUndefined();
  });
});
