/** What the dashboards answer in a healthy lab. */
export function dashboards(role: string, path: string, tracedAt: number): unknown {
  if (role === "prometheus") return { data: { result: [{ metric: {}, value: [1_764_000_000, "42"] }] } };
  if (role === "grafana") {
    if (path.startsWith("/api/health")) return { database: "ok" };
    if (path === "/api/datasources") return [{ type: "loki" }, { type: "prometheus", uid: "PBFA97CFB590B2093" }];
    if (path === "/api/datasources/proxy/uid/PBFA97CFB590B2093/api/v1/query?query=up")
      return { data: { result: [{ metric: {}, value: [1_764_000_000, "1"] }] } };
    return [{ title: "Istio Ztunnel Dashboard" }];
  }
  if (role === "kiali") {
    const node = (id: string, workload: string) => ({ data: { id, workload } });
    return {
      elements: { nodes: [node("a", "appa"), node("b", "appb")], edges: [{ data: { source: "a", target: "b" } }] },
    };
  }
  if (path.startsWith("/jaeger/api/services")) return { data: ["gateway-istio.default", "waypoint.default"] };
  const start = Number(new URLSearchParams(path.split("?")[1]).get("start") ?? 0);
  if (tracedAt * 1000 < start) return { data: [] };
  return { data: [{ traceID: "4bf92f3577b34da6a3ce929d0e0e4736" }] };
}
