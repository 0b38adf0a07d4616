import { describe, expect, test } from "vitest";
import { mebibytes, meshMemory, nodesMemory } from "../../../../tools/bench/memory";

const container = (memory?: string, restartPolicy?: string) => ({
  ...(restartPolicy ? { restartPolicy } : {}),
  ...(memory ? { resources: { requests: { memory } } } : {}),
});
const pod = (
  namespace: string,
  name: string,
  labels: Record<string, string>,
  containers: unknown[],
  initContainers?: unknown[],
) => ({
  metadata: { namespace, name, labels },
  spec: { containers, ...(initContainers ? { initContainers } : {}) },
});

describe("mebibytes()", () => {
  test.each([
    ["64Mi", 64],
    ["1Gi", 1024],
    ["1.5GiB", 1536],
    ["1048576", 1],
    ["1048576k", 1000],
    ["0", 0],
  ])("of %s is %d", (quantity, mib) => {
    expect(mebibytes(quantity)).toBe(mib);
  });

  test("of something else is refused", () => {
    expect(() => mebibytes("lots")).toThrow('"lots" is no amount of memory');
  });
});

describe("meshMemory()", () => {
  const items = [
    pod("istio-system", "istiod-1", { app: "istiod" }, [container("128Mi")]),
    pod("istio-system", "kiali-1", { app: "kiali" }, [container("64Mi")]),
    pod("istio-system", "grafana-1", { "app.kubernetes.io/name": "grafana" }, [container("64Mi")]),
    pod("default", "waypoint-1", { "gateway.networking.k8s.io/gateway-name": "waypoint" }, [
      container("64Mi"),
      container(),
    ]),
    pod("default", "appa-1", { app: "appa" }, [container("32Mi")]),
    pod("istio-system", "new-1", {}, [container("10Mi")], [container("50Mi"), container("5Mi", "Always")]),
  ];
  const summary = {
    pods: [{ podRef: { namespace: "istio-system", name: "istiod-1" }, memory: { workingSetBytes: 2 ** 26 } }],
  };

  test("counts mesh, gateways and waypoints as the scheduler does, and neither apps nor dashboards", () => {
    expect(meshMemory(JSON.stringify({ items }), [JSON.stringify(summary)])).toEqual([
      { namespace: "istio-system", name: "istiod-1", requestedMiB: 128, usedMiB: 64 },
      { namespace: "default", name: "waypoint-1", requestedMiB: 64 },
      { namespace: "istio-system", name: "new-1", requestedMiB: 50 },
    ]);
  });

  test("adds up what Docker says of the nodes", () => {
    expect(nodesMemory("1.5GiB / 7.7GiB\n512MiB / 7.7GiB\n")).toBe(2048);
  });
});
