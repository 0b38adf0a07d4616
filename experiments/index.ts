import { moduleExperiments } from "../modules/experiments";
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
  ...moduleExperiments,
];
