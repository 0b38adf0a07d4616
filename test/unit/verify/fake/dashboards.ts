import type { FakeState } from "./state";

/** An answer of Prometheus to an instant query (prometheus v3.10.0, web/api/v1/api.go, Response and QueryData). */
const vector = (...values: string[]): unknown => ({
  status: "success",
  data: { resultType: "vector", result: values.map((value) => ({ metric: {}, value: [1_764_000_000, value] })) },
});

/** An answer of Jaeger (jaeger v2.17.0, cmd/jaeger/internal/extension/jaegerquery/internal/http_handler.go, structuredResponse). */
const jaegerAnswer = (data: readonly unknown[]): unknown => ({
  data,
  total: data.length,
  limit: 0,
  offset: 0,
  errors: null,
});

/** What the dashboards answer in a healthy lab. */
export function dashboards(state: FakeState, role: string, path: string): unknown {
  if (role === "prometheus") return state.uncounted && path.includes("istio_requests_total") ? vector() : vector("42");
  if (role === "grafana") {
    if (path.startsWith("/api/health")) return { database: "ok" };
    if (path === "/api/datasources") return [{ type: "loki" }, { type: "prometheus", uid: "PBFA97CFB590B2093" }];
    if (path === "/api/datasources/proxy/uid/PBFA97CFB590B2093/api/v1/query?query=up") return vector("1");
    return [{ title: "Istio Ztunnel Dashboard" }];
  }
  if (role === "kiali") {
    const node = (id: string, workload: string) => ({ data: { id, workload } });
    return {
      elements: { nodes: [node("a", "appa"), node("b", "appb")], edges: [{ data: { source: "a", target: "b" } }] },
    };
  }
  const services = ["gateway-istio.default", "waypoint.default"].filter((name) => !state.spanless.has(name));
  if (path.startsWith("/jaeger/api/services")) return jaegerAnswer(services);
  const tracedAt = state.lastTrace ?? state.clock.now() + state.skewMs;
  const query = new URLSearchParams(path.split("?")[1]);
  const found = services.includes(query.get("service") ?? "") && tracedAt * 1000 >= Number(query.get("start") ?? 0);
  return jaegerAnswer(
    found ? [{ traceID: "4bf92f3577b34da6a3ce929d0e0e4736", spans: [], processes: {}, warnings: null }] : [],
  );
}
