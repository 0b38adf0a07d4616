import type { Experiment } from "./types";

/** Row 7: traces of the mesh. */
export const jaeger: Experiment = {
  id: "jaeger",
  title: "Jaeger holds spans of the gateway and the waypoint",
  question: "Do the proxies that speak HTTP export a span for each request?",
  why: "ztunnel creates no spans. Istio has open bugs here: spans of ingress traffic through a waypoint (istio/istio#60780) and OpenTelemetry at waypoints (istio/istio#61154); missing spans are reported as known upstream where the spans of another proxy arrive, and provider, sampling and collector are right.",
  rows: [7],
  objects: ["Service/tracing"],
  skip: ({ settings }) => (settings.addons.includes("jaeger") ? undefined : "addons does not name jaeger"),
  steps: () => [
    {
      kind: "check",
      name: "spans of the waypoint",
      check: "jaeger",
      service: "waypoint",
      upstream: "https://github.com/istio/istio/issues/61154",
    },
    {
      kind: "check",
      name: "spans of the gateway",
      check: "jaeger",
      service: "gateway-istio",
      upstream: "https://github.com/istio/istio/issues/60780",
    },
  ],
};
