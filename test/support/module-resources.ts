/** All that the modules are made of. */
export const moduleResources = `
  agentgateway-gateway agentgateway-rollout appb-limited appb-limited-service appb-resilience appb-resilience-l7
  appb-resilience-service appb-split appb-split-l7 appb-split-service appb-v1-service appb-v2 appb-v2-account
  appb-v2-service appb-v2-waypoint-only appc appc-account appc-l4-deny appc-l7-deny appc-l7-service appc-service appd
  appd-account appd-misplaced appd-service appe-l7 appe-service appe-shared-l7 appe-shared-only appe-shared-service
  appe-unadmitted-service appe-waypoint-only appf appf-account appf-service appf-strict appg appg-account appg-service
  apph apph-account apph-envoy-fault apph-envoy-l7 apph-envoy-only apph-envoy-routed apph-envoy-routed-service
  apph-envoy-service apph-fault apph-l7 apph-routed apph-routed-service apph-service apph-waypoint-only
  egress-namespace egress-waypoint-gateway egress-waypoint-rollout external-service forbidden forbidden-deny
  gateway-jwt gateway-jwt-claim gateway-jwt-issuer gateway-jwt-key gateway-jwt-route gateway-tls gateway-tls-ca
  gateway-tls-ca-file gateway-tls-ca-key gateway-tls-certificate gateway-tls-key gateway-tls-loopback
  gateway-tls-redirect gateway-tls-request gateway-tls-secret grpc-account grpc-l7 grpc-server grpc-service
  grpc-waypoint-only images-load-modules images-pull-modules istio-agentgateway istio-agentgateway-waypoint loadgen
  outside-external outside-external-account outside-namespace partner partner-l7 second-appa second-appa-account
  second-appe second-appe-account second-namespace second-waypoint-gateway second-waypoint-rollout
  shared-waypoint-gateway shared-waypoint-rollout sniffer
`
  .trim()
  .split(/\s+/);
