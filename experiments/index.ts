import { agentgateway } from "../modules/agentgateway/experiment";
import { chaos } from "../modules/chaos/experiment";
import { crossNamespace } from "../modules/cross-namespace/experiment";
import { egress } from "../modules/egress/experiment";
import { failOpen } from "../modules/fail-open/experiment";
import { gatewayJwtClaims } from "../modules/gateway-jwt/experiment";
import { gatewayTlsListener } from "../modules/gateway-tls/experiment";
import { grpc } from "../modules/grpc/experiment";
import { l4l7 } from "../modules/l4-l7/experiment";
import { resilienceNumbers } from "../modules/resilience/experiment";
import { strictMtls } from "../modules/strict-mtls/experiment";
import { trafficSplit } from "../modules/traffic-split/experiment";
import { apps } from "./apps";
import { authzFlip } from "./authz-flip";
import { authzMethods } from "./authz-methods";
import { authzPrincipals } from "./authz-principals";
import { bypass } from "./bypass";
import { certificates } from "./certificates";
import { controlPlane } from "./control-plane";
import { enrolment } from "./enrolment";
import { faultDelay } from "./fault-delay";
import { gateway } from "./gateway";
import { gatewayApi } from "./gateway-api";
import { grafana } from "./grafana";
import { hbone } from "./hbone";
import { ingressThroughWaypoint } from "./ingress-through-waypoint";
import { jaeger } from "./jaeger";
import { kiali } from "./kiali";
import { loadBalancer } from "./load-balancer";
import { nodes } from "./nodes";
import { prometheus } from "./prometheus";
import { proxyConfig } from "./proxy-config";
import { sysctls } from "./sysctls";
import type { Experiment } from "./types";
import { waypointTraversed } from "./waypoint-traversed";

/** All experiments, from the machine upwards and those of modules last: the order of every report. */
export const experiments: readonly Experiment[] = [
  nodes,
  sysctls,
  loadBalancer,
  gatewayApi,
  controlPlane,
  apps,
  enrolment,
  hbone,
  certificates,
  gateway,
  ingressThroughWaypoint,
  waypointTraversed,
  proxyConfig,
  faultDelay,
  authzMethods,
  authzPrincipals,
  bypass,
  prometheus,
  grafana,
  kiali,
  jaeger,
  authzFlip,
  failOpen,
  l4l7,
  trafficSplit,
  resilienceNumbers,
  egress,
  crossNamespace,
  grpc,
  strictMtls,
  chaos,
  gatewayTlsListener,
  gatewayJwtClaims,
  agentgateway,
];
