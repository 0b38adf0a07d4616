/** What the dashboards answer in a healthy lab. */
export function dashboards(role: string, path: string): unknown {
  if (role === "prometheus") return { data: { result: [{ metric: {}, value: [1_764_000_000, "42"] }] } };
  if (role === "grafana")
    return path.startsWith("/api/health") ? { database: "ok" } : [{ title: "Istio Ztunnel Dashboard" }];
  if (role === "kiali") {
    const node = (id: string, workload: string) => ({ data: { id, workload } });
    return {
      elements: { nodes: [node("a", "appa"), node("b", "appb")], edges: [{ data: { source: "a", target: "b" } }] },
    };
  }
  if (path.startsWith("/jaeger/api/services")) return { data: ["gateway-istio.default", "waypoint.default"] };
  return { data: [{ traceID: "4bf92f3577b34da6a3ce929d0e0e4736" }] };
}
