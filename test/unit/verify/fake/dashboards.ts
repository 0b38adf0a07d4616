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

/** The answers of the dashboards in a healthy lab. */
export function dashboards(state: FakeState, role: string, path: string): unknown {
  if (role === "prometheus")
    return state.withoutCounters && path.includes("istio_requests_total") ? vector() : vector("42");
  if (role === "grafana") return grafana(path);
  if (role === "kiali") return kiali(path);
  const services = ["gateway-istio.default", "waypoint.default"].filter((name) => !state.withoutSpans.has(name));
  if (path.startsWith("/jaeger/api/services")) return jaegerAnswer(services);
  const tracedAt = state.lastTrace ?? state.clock.now() + state.skewMs;
  const query = new URLSearchParams(path.split("?")[1]);
  const found = services.includes(query.get("service") ?? "") && tracedAt * 1000 >= Number(query.get("start") ?? 0);
  return jaegerAnswer(
    found ? [{ traceID: "4bf92f3577b34da6a3ce929d0e0e4736", spans: [], processes: {}, warnings: null }] : [],
  );
}

/** Grafana 12: healthResponse of pkg/api/http_server.go, DataSourceListItemDTO of pkg/api/dtos, Hit of pkg/services/search/model. */
function grafana(path: string): unknown {
  if (path.startsWith("/api/health")) return { database: "ok", version: "12.0.1", commit: "80658a73c5" };
  const source = { id: 1, orgId: 1, typeName: "Prometheus", access: "proxy", url: "http://prometheus:9090" };
  if (path === "/api/datasources")
    return [
      { ...source, uid: "loki", name: "Loki", type: "loki", isDefault: false, jsonData: {}, readOnly: false },
      { ...source, uid: "PBFA97CFB590B2093", name: "Prometheus", type: "prometheus", isDefault: true, jsonData: {} },
    ];
  if (path === "/api/datasources/proxy/uid/PBFA97CFB590B2093/api/v1/query?query=up") return vector("1");
  const hit = { id: 7, uid: "12c58766acc81a1c835dd5059eaf2741", uri: "db/istio-ztunnel-dashboard", slug: "" };
  const url = "/d/12c58766acc81a1c835dd5059eaf2741/istio-ztunnel-dashboard";
  return [{ ...hit, title: "Istio Ztunnel Dashboard", url, type: "dash-db", tags: [], isStarred: false, sortMeta: 0 }];
}

/**
 * Kiali v2.26 and v2.27: Config of graph/config/common/common.go. Without refreshInterval=0 the answer is from a cache
 * (graph/options.go, config/config.go: GraphCache is enabled, and a minute old), here without any traffic.
 */
function kiali(path: string): unknown {
  const query = new URLSearchParams(path.split("?")[1]);
  const node = (id: string, workload: string) => ({
    data: {
      id,
      nodeType: "workload",
      cluster: "Kubernetes",
      namespace: "default",
      workload,
      app: workload,
      healthData: [],
    },
  });
  const traffic = { protocol: "http", rates: { http: "0.20", httpPercentReq: "100.0" }, responses: {} };
  const edges = [{ data: { id: "c", source: "a", target: "b", traffic } }];
  const fresh = query.get("refreshInterval") === "0";
  return {
    ...{ timestamp: 1_764_000_000, duration: 300, graphType: query.get("graphType") },
    elements: { nodes: [node("a", "appa"), node("b", "appb")], edges: fresh ? edges : [] },
  };
}
