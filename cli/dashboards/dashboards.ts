import type { AddonName } from "../../config/vocabulary";
import type { LabObject } from "../../experiments/slices";

/** Where a dashboard is, and what of it is shown first. */
export interface Dashboard {
  service: LabObject;
  port: number;
  /** Path with query of the page to begin with. */
  page: string;
  /** Question to the dashboard itself whose answer names a better page. */
  find?: { path: string; page: (answer: unknown) => string | undefined };
  /** What is seen there, for the line in the terminal. */
  shows: string;
}

const query = (path: string, values: Record<string, string>) => `${path}?${new URLSearchParams(values)}`;

/** All dashboards that `lab open` knows. */
export const dashboards: Record<AddonName, Dashboard> = {
  kiali: {
    service: "Service/kiali",
    port: 20001,
    page: query("/kiali/console/graph/namespaces", {
      namespaces: "default",
      graphType: "workload",
      duration: "300",
      refresh: "15000",
      animation: "true",
      waypoints: "true",
      badgeSecurity: "true",
      edges: "trafficRate",
      traffic: "ambient,ambientTotal,grpc,grpcRequest,http,httpRequest,tcp,tcpSent",
    }),
    shows: "the graph of namespace default with moving traffic, ambient's included",
  },
  grafana: {
    service: "Service/grafana",
    port: 3000,
    page: query("/dashboards", { query: "istio" }),
    // Their ids are the chart's, not ours: they are asked for by name.
    find: { path: query("/api/search", { query: "ztunnel" }), page: firstUrl },
    shows: "ztunnel's dashboard",
  },
  jaeger: {
    service: "Service/tracing",
    port: 80,
    page: query("/jaeger/search", { service: "waypoint.default", lookback: "1h", limit: "20" }),
    shows: "traces of the waypoint",
  },
  prometheus: {
    service: "Service/prometheus",
    port: 9090,
    page: query("/graph", {
      "g0.expr": "sum by (source_workload, destination_workload, response_code) (rate(istio_requests_total[1m]))",
      "g0.tab": "0",
      "g0.range_input": "15m",
    }),
    shows: "requests by who asked whom, and with which answer",
  },
};

function firstUrl(answer: unknown): string | undefined {
  const [first]: readonly unknown[] = Array.isArray(answer) ? answer : [];
  const url = typeof first === "object" && first !== null ? Reflect.get(first, "url") : undefined;
  // Only a path of the dashboard itself: an answer from the cluster must not lead the browser elsewhere.
  return typeof url === "string" && /^\/[^/\\]/.test(url) ? url : undefined;
}
