import { moduleExperiments } from "../modules/experiments";
import { authzFlip, authzMethods, authzPrincipals, bypass } from "./authorization";
import { grafana, jaeger, kiali, prometheus } from "./dashboards";
import { certificates, enrolment, hbone } from "./mesh";
import { apps, controlPlane, gatewayApi, loadBalancer, nodes, sysctls } from "./platform";
import { faultDelay, gateway, ingressThroughWaypoint, proxyConfig, waypointTraversed } from "./traffic";
import type { Experiment } from "./types";

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
