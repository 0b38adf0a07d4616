import type { Experiment } from "./types";

/** Row 7: metrics of the mesh. */
export const prometheus: Experiment = {
  id: "prometheus",
  title: "Prometheus has metrics of both layers of the mesh",
  question: "Does Prometheus hold appb's traffic as ztunnel (layer 4) and the waypoint (layer 7) count it?",
  why: "Prometheus scrapes every 15 s: numbers of the last half minute may be missing, an empty answer after a minute is a failure.",
  rows: [7],
  objects: ["Service/prometheus"],
  skip: ({ settings }) => (settings.addons.includes("prometheus") ? undefined : "addons does not name prometheus"),
  steps: () => [
    {
      kind: "check",
      name: "metrics of ztunnel and waypoint",
      check: "prometheus",
      families: [
        { name: "layer 4, ztunnel", anyOf: ['sum(istio_tcp_connections_opened_total{app="ztunnel"})'] },
        {
          name: "layer 7, waypoint",
          anyOf: [
            'sum(istio_requests_total{reporter="waypoint",destination_service=~"appb[.].*"})',
            'sum(envoy_http_rbac{http_conn_manager_prefix=~"inbound.*"})',
          ],
        },
      ],
    },
  ],
};
