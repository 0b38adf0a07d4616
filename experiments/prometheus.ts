import { appbHost } from "./names";
import type { Experiment } from "./types";

/** Row 7: metrics of the mesh. */
export const prometheus: Experiment = {
  id: "prometheus",
  title: "Prometheus has metrics of both layers of the mesh",
  question: "Does Prometheus hold appb's traffic as ztunnel (layer 4) and the waypoint (layer 7) count it?",
  why: "Prometheus scrapes every 15 s: numbers of the last half minute may be missing. The counters must grow while requests are sent; those of an earlier day prove nothing.",
  rows: [7],
  objects: ["Service/prometheus"],
  skip: ({ settings }) => (settings.addons.includes("prometheus") ? undefined : "addons does not name prometheus"),
  steps: () => [
    {
      kind: "check",
      name: "metrics of ztunnel and waypoint",
      check: "prometheus",
      families: [
        { name: "layer 4, ztunnel", query: 'sum(increase(istio_tcp_connections_opened_total{app="ztunnel"}[1m]))' },
        {
          name: "layer 7, waypoint",
          query: `sum(increase(istio_requests_total{reporter="waypoint",destination_service="${appbHost}"}[1m]))`,
        },
      ],
    },
  ],
};
