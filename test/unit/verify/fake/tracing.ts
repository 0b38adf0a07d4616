import { parse } from "yaml";
import { listAt, textAt } from "../../../../verify/json";
import type { FakeState } from "./state";

const collector = "outbound|4317||jaeger-collector.istio-system.svc.cluster.local";

/**
 * The tracing settings that istiod adds to every HTTP connection manager when the mesh has a provider (istio 1.31.0-rc.0,
 * pilot/pkg/networking/core/tracing.go, configureFromProviderConfig and otelConfig).
 */
export function tracingOf(state: FakeState, proxy: string): { tracing?: object } {
  if (state.tracing) return state.tracing.is ? { tracing: state.tracing.is } : {};
  const mesh = meshOf(textAt(state.pushed("ConfigMap/istio-system/istio"), "data", "mesh") ?? "");
  if (listAt(mesh, "defaultProviders", "tracing").length === 0) return {};
  return { tracing: otlp(proxy, 100) };
}

let parsed: { text: string; mesh: unknown } | undefined;

/** Parses a mesh configuration. The last one is cached, since each dump of each proxy reads it. */
function meshOf(text: string): unknown {
  if (parsed?.text !== text) parsed = { text, mesh: parse(text) };
  return parsed.mesh;
}

/** The tracing settings with a sampling percentage. */
export const otlp = (proxy: string, sampled: number): object => ({
  client_sampling: { value: 100 },
  random_sampling: { value: sampled },
  overall_sampling: { value: 100 },
  provider: {
    name: "envoy.tracers.opentelemetry",
    typed_config: {
      "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
      grpc_service: {
        envoy_grpc: { cluster_name: collector, authority: "jaeger-collector.istio-system.svc.cluster.local" },
      },
      service_name: `${proxy}.default`,
    },
  },
});

/** Envoy's /clusters?format=json (envoy api/envoy/admin/v3/clusters.proto). */
export const clustersOf = ({ collectorHealth, collectorErrors }: FakeState): unknown => ({
  cluster_statuses: [
    {
      name: collector,
      added_via_api: true,
      host_statuses: collectorHealth
        ? [
            {
              address: { socket_address: { address: "10.244.1.22", port_value: 4317 } },
              stats: [
                { name: "cx_connect_fail" },
                { name: "rq_error", value: String(collectorErrors) },
                { name: "rq_success" },
              ],
              health_status: { eds_health_status: collectorHealth },
            },
          ]
        : [],
    },
  ],
});
