import { type Caller, meshNamespace, serviceHost, waypointName } from "../config/vocabulary";
import { type AppName, type Client, type ServiceName, table, type WaypointName } from "./slices";

/** Services, workloads and waypoints of the story and of all modules. */
export const services = table("services");
export const workloads = table("workloads");
export const waypoints = table("waypoints");

/** The caller of a client in policies; undefined for a client without an identity. */
export const callerOf = (client: Client): Caller | undefined =>
  client === "host" ? "gateway" : client === "appa" || client === "stranger" ? client : undefined;

/** Name of a Service inside the cluster, or the host of a ServiceEntry. */
export function hostOf(service: ServiceName): string {
  const { host, namespace } = services[service];
  return host ?? serviceHost(service, namespace);
}

/** Name of appb inside the cluster. */
export const appbHost = hostOf("appb");

/** The waypoint that the requests to a Service go through, or would go through if a label named it. */
export const waypointAt = (service: ServiceName): WaypointName =>
  (services[service].waypoint ?? waypointName) as WaypointName;

/** The workload whose pods are behind a Service. */
export const podsBehind = (service: ServiceName): AppName => services[service].pods as AppName;

/** The policy that ztunnel gets for a PeerAuthentication that is STRICT on every port: DENY without an identity. */
export const strictPolicy = { namespace: meshNamespace, name: "istio_converted_static_strict" } as const;

/** The RequestAuthentication of the gateway: Envoy does not name it when it refuses a token. */
export const authenticationAtGateway = "RequestAuthentication/gateway-jwt";
