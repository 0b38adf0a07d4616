import { authenticationAtGateway, podsBehind, services, strictPolicy, workloads } from "../../experiments/names";
import type { ServiceName } from "../../experiments/slices";
import type { DecisionTarget } from "./decision";

/** A Service of the lab as the destination of a request. */
export function targetOf(service: ServiceName): DecisionTarget {
  const app = podsBehind(service);
  const { policy: podPolicy, peerAuthentication } = workloads[app];
  const { policy: waypointPolicy } = services[service];
  return {
    ...{ app, authentication: authenticationAtGateway },
    ...(waypointPolicy ? { waypointPolicy } : {}),
    ...(podPolicy ? { podPolicy } : {}),
    policyCalled: ({ name }) => (name === strictPolicy.name ? peerAuthentication : `AuthorizationPolicy/${name}`),
  };
}
