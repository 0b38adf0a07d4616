import { entriesAt, listAt, numberAt, textAt } from "../json";
import type { KubeObject } from "../lab-client";

/** `filterChainMatch` and `transportSocket` of a filter chain; both undefined for plain HTTP. */
export interface Downstream {
  match?: unknown;
  socket?: unknown;
}

/**
 * The filter chain that istiod generates for a listener of a Gateway (istio 1.31 pilot/pkg/config/kube/gateway/conversion.go, buildTLS;
 * pilot/pkg/networking/core/gateway.go and listener.go, BuildListenerTLSContext). Unsupported fields become a field that no proxy has, so
 * that they never compare as equal.
 */
function downstreamOf(gateway: KubeObject, listener: unknown): Downstream {
  const protocol = textAt(listener, "protocol");
  if (protocol === "HTTP") return {};
  const unread = [
    ...(protocol === "HTTPS" ? [] : [["protocol", protocol]]),
    ...(textAt(listener, "tls", "mode") === "Passthrough" ? [["mode", "Passthrough"]] : []),
    ...entriesAt(listener, "tls").filter(([key]) => !["mode", "certificateRefs"].includes(key)),
  ];
  const host = textAt(listener, "hostname");
  const secrets = listAt(listener, "tls", "certificateRefs").map((ref) => ({
    name: `kubernetes-gateway://${textAt(ref, "namespace") ?? gateway.metadata?.namespace}/${textAt(ref, "name")}`,
    sdsConfig: { ads: {}, resourceApiVersion: "V3" },
  }));
  return {
    ...(host ? { match: { serverNames: [host] } } : {}),
    socket: {
      name: "envoy.transport_sockets.tls",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        commonTlsContext: { tlsCertificateSdsSecretConfigs: secrets, alpnProtocols: ["h2", "http/1.1"] },
        requireClientCertificate: false,
        ...(unread.length > 0 ? { unread: Object.fromEntries(unread) } : {}),
      },
    },
  };
}

/** {@link downstreamOf} of each listener of a Gateway, by its port. */
export const downstreamsOf = (gateway: KubeObject): { port: number; downstream: Downstream }[] =>
  listAt(gateway, "spec", "listeners").map((listener) => ({
    port: numberAt(listener, "port") ?? 0,
    downstream: downstreamOf(gateway, listener),
  }));
