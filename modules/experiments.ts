import type { Experiment } from "../experiments/types";
import { agentgateway } from "./agentgateway/experiment";
import { chaos } from "./chaos/experiment";
import { cost, costPolicies, interop } from "./cost/experiment";
import { crossNamespace } from "./cross-namespace/experiment";
import { egress } from "./egress/experiment";
import { failOpen } from "./fail-open/experiment";
import { gatewayJwtClaims } from "./gateway-jwt/experiment";
import { gatewayTlsListener } from "./gateway-tls/experiment";
import { grpc } from "./grpc/experiment";
import { l4l7 } from "./l4-l7/experiment";
import { resilienceNumbers } from "./resilience/experiment";
import { strictMtls } from "./strict-mtls/experiment";
import { trafficSplit } from "./traffic-split/experiment";

/** Experiments of the modules, in the order of reports and of the tour. */
export const moduleExperiments: readonly Experiment[] = [
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
  costPolicies,
  interop,
  cost,
];
