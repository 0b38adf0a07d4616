/** Names of all resources of the modules. */
export const moduleResources = `
  agentgateway-apph agentgateway-apph-account agentgateway-apph-envoy-fault agentgateway-apph-envoy-l7
  agentgateway-apph-envoy-only agentgateway-apph-envoy-routed agentgateway-apph-envoy-routed-service
  agentgateway-apph-envoy-service agentgateway-apph-fault agentgateway-apph-l7 agentgateway-apph-routed
  agentgateway-apph-routed-service agentgateway-apph-service agentgateway-apph-waypoint-only agentgateway-gateway
  agentgateway-istio-agentgateway agentgateway-istio-agentgateway-waypoint agentgateway-rollout chaos-loadgen
  cost-growth-ambient cost-growth-ambient-account cost-growth-sidecar cost-growth-sidecar-account cost-interop-ambient
  cost-interop-ambient-account cost-interop-ambient-mtls cost-interop-ambient-service cost-interop-ambient-strict
  cost-interop-ambient-strict-account cost-interop-ambient-strict-service cost-interop-sidecar
  cost-interop-sidecar-account cost-interop-sidecar-mtls cost-interop-sidecar-service cost-interop-sidecar-strict
  cost-interop-sidecar-strict-account cost-interop-sidecar-strict-service cost-interop-waypoint-service cost-meter
  cost-none cost-none-account cost-none-client cost-none-client-account cost-none-service cost-proxy-gateway
  cost-proxy-rollout cost-sidecar cost-sidecar-account cost-sidecar-client cost-sidecar-client-account cost-sidecar-l7
  cost-sidecar-service cost-waypoint cost-waypoint-account cost-waypoint-client cost-waypoint-client-account
  cost-waypoint-l7 cost-waypoint-only cost-waypoint-service cost-ztunnel cost-ztunnel-account cost-ztunnel-client
  cost-ztunnel-client-account cost-ztunnel-l4 cost-ztunnel-service cross-namespace-appe-l7
  cross-namespace-appe-service cross-namespace-appe-shared-l7 cross-namespace-appe-shared-only
  cross-namespace-appe-shared-service cross-namespace-appe-unadmitted-service cross-namespace-appe-waypoint-only
  cross-namespace-second-appa cross-namespace-second-appa-account cross-namespace-second-appe
  cross-namespace-second-appe-account cross-namespace-second-namespace cross-namespace-second-waypoint-gateway
  cross-namespace-second-waypoint-rollout cross-namespace-shared-waypoint-gateway
  cross-namespace-shared-waypoint-rollout egress-external-service egress-forbidden egress-forbidden-deny
  egress-namespace egress-outside-external egress-outside-external-account egress-outside-namespace egress-partner
  egress-partner-l7 egress-waypoint-gateway egress-waypoint-rollout gateway-jwt gateway-jwt-claim gateway-jwt-issuer
  gateway-jwt-key gateway-jwt-route gateway-tls gateway-tls-ca gateway-tls-ca-file gateway-tls-ca-key
  gateway-tls-certificate gateway-tls-key gateway-tls-loopback gateway-tls-redirect gateway-tls-request
  gateway-tls-secret grpc-account grpc-l7 grpc-server grpc-service grpc-waypoint-only images-load-modules
  images-pull-modules l4-l7-appc l4-l7-appc-account l4-l7-appc-l4-deny l4-l7-appc-l7-deny l4-l7-appc-l7-service
  l4-l7-appc-service l4-l7-appd l4-l7-appd-account l4-l7-appd-misplaced l4-l7-appd-service resilience-appb-limited
  resilience-appb-limited-service resilience-appb-resilience resilience-appb-resilience-l7
  resilience-appb-resilience-service strict-mtls-appf strict-mtls-appf-account strict-mtls-appf-service
  strict-mtls-appf-strict strict-mtls-appg strict-mtls-appg-account strict-mtls-appg-service strict-mtls-sniffer
  traffic-split-appb-split traffic-split-appb-split-l7 traffic-split-appb-split-service traffic-split-appb-v1-service
  traffic-split-appb-v2 traffic-split-appb-v2-account traffic-split-appb-v2-service
  traffic-split-appb-v2-waypoint-only
`
  .trim()
  .split(/\s+/);
