import { check } from "./checks";
import { appbHost } from "./names";
import type { Experiment } from "./types";

/** The reason to skip an experiment about an addon that the lab does not have. */
const without =
  (addon: "prometheus" | "grafana" | "jaeger" | "kiali"): Experiment["skip"] =>
  ({ settings }) =>
    settings.addons.includes(addon) ? undefined : `addons does not name ${addon}`;

/** Row 7: metrics of the mesh. */
export const prometheus: Experiment = {
  id: "prometheus",
  title: "Prometheus has metrics of both layers of the mesh",
  question: "Does Prometheus hold appb's traffic as ztunnel (layer 4) and the waypoint (layer 7) count it?",
  why: "Prometheus scrapes every 15 s: numbers of the last half minute may be missing. The counters must grow while requests are sent; those of an earlier day prove nothing.",
  rows: [7],
  objects: ["Service/prometheus"],
  skip: without("prometheus"),
  steps: () => [
    check("metrics of ztunnel and waypoint", {
      check: "prometheus",
      families: [
        { name: "layer 4, ztunnel", query: 'sum(increase(istio_tcp_connections_opened_total{app="ztunnel"}[1m]))' },
        {
          name: "layer 7, waypoint",
          query: `sum(increase(istio_requests_total{reporter="waypoint",destination_service="${appbHost}"}[1m]))`,
        },
      ],
    }),
  ],
};

/** Row 7: dashboards of the mesh. */
export const grafana: Experiment = {
  id: "grafana",
  title: "Grafana is healthy and queries Prometheus",
  question: "Is Grafana up, with Prometheus as its source and a dashboard for ztunnel?",
  why: "A dashboard without its data source shows empty graphs, which look like a mesh without traffic.",
  rows: [7],
  objects: ["Service/grafana", "Service/prometheus"],
  skip: without("grafana"),
  steps: () => [check("health, source and dashboards", { check: "grafana", dashboard: "ztunnel" })],
};

/** Rows 7 and 16: the mesh as a graph. */
export const kiali: Experiment = {
  id: "kiali",
  title: "Kiali's graph has edges to appb",
  question: "Does Kiali show the demo's traffic as a graph that leads to appb?",
  why: "Kiali shows what Prometheus scraped in the requested time window; ambient traffic is in the graph only on request.",
  rows: [7, 16],
  objects: ["Service/kiali", "Service/prometheus"],
  skip: without("kiali"),
  steps: () => [check("edges of the graph", { check: "kiali", edgeTo: "appb" })],
};

const istioIssues = "https://github.com/istio/istio/issues";

/** Row 7: traces of the mesh. */
export const jaeger: Experiment = {
  id: "jaeger",
  title: "Jaeger holds spans of the gateway and the waypoint",
  question: "Do the proxies that speak HTTP export a span for each request?",
  why: "ztunnel creates no spans. Istio has open bugs here: spans of ingress traffic through a waypoint (istio/istio#60780) and OpenTelemetry at waypoints (istio/istio#61154); missing spans are reported as known upstream where the spans of another proxy arrive, and provider, sampling and collector are right.",
  rows: [7],
  objects: ["Service/tracing"],
  skip: without("jaeger"),
  steps: () => [
    check("spans of the waypoint", { check: "jaeger", service: "waypoint", upstream: `${istioIssues}/61154` }),
    check("spans of the gateway", { check: "jaeger", service: "gateway-istio", upstream: `${istioIssues}/60780` }),
  ],
};
