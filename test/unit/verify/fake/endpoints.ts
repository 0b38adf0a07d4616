import { at, entriesAt, listAt, numberAt, textAt, textsAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { socket } from "./lines";
import { selects } from "./object-key";
import { served } from "./server-defaults";
import type { FakePod, FakeState } from "./state";

/** An endpoint in Envoy's /config_dump?include_eds (source/server/admin/config_dump_handler.cc, addLbEndpoint). */
export interface FakeEndpoint {
  endpoint: { address: object };
  health_status: "HEALTHY" | "UNHEALTHY";
}

const endpoint = (address: object): FakeEndpoint => ({ endpoint: { address }, health_status: "HEALTHY" });

/** An endpoint through HBONE. */
export const throughHbone = (target: string): FakeEndpoint =>
  endpoint({ envoy_internal_address: { server_listener_name: "connect_originate", endpoint_id: target } });

/** An endpoint in plain text. */
export const plain = (address: string, port_value: number): FakeEndpoint =>
  endpoint({ socket_address: { address, port_value } });

/** Envoy's dump of the endpoints of its clusters, by cluster. */
export function endpointsDump(state: FakeState, proxy: string, clusters: readonly (readonly [string, KubeObject])[]) {
  const dynamic_endpoint_configs = clusters.flatMap(([cluster_name, object]) => {
    const change = state.endpointsChanged.get(`${proxy} ${cluster_name}`);
    const found = endpointsOf(state, proxy, object, Number(cluster_name.split("|")[1]));
    const lb_endpoints = change ? change(found) : found;
    const endpoints = lb_endpoints.length > 0 ? [{ lb_endpoints }] : [];
    return { endpoint_config: { cluster_name, endpoints } };
  });
  return { "@type": "type.googleapis.com/envoy.admin.v3.EndpointsConfigDump", dynamic_endpoint_configs };
}

/** Clusters of Services and ServiceEntries in a gateway, and in a waypoint for the destinations of routes. */
export const outboundClusters = (objects: readonly KubeObject[]) =>
  objects.flatMap((object) => portsOf(object).map((port) => [`outbound|${port}||${hostOf(object)}`, object] as const));

/** Clusters of the Services that are attached to a waypoint. */
export const inboundClusters = (objects: readonly KubeObject[]) =>
  objects.flatMap((object) =>
    portsOf(object).map((port) => [`inbound-vip|${port}|http|${hostOf(object)}`, object] as const),
  );

const portsOf = (object: KubeObject) =>
  listAt(object, "spec", "ports").map((port) => numberAt(port, "port") ?? numberAt(port, "number"));

const hostOf = (object: KubeObject): string =>
  object.kind === "ServiceEntry"
    ? (textsAt(object, "spec", "hosts")[0] ?? "")
    : `${object.metadata?.name}.${object.metadata?.namespace}.svc.cluster.local`;

function endpointsOf(state: FakeState, proxy: string, object: KubeObject, called: number): FakeEndpoint[] {
  const name = object.metadata?.name ?? "";
  if (object.kind === "ServiceEntry") {
    const [service = ""] = (textAt(object, "spec", "endpoints", 0, "address") ?? "").split(".");
    const address = textAt(served(state.serviceNamed(service)), "spec", "clusterIP");
    return address ? [plain(address, 8000)] : [];
  }
  const waypoint = proxy === "gateway" ? state.waypointFor("gateway", name) : undefined;
  if (waypoint) return pods(state.podOf(waypoint)).map(({ ip }) => throughHbone(socket(ip, 15_008)));
  const port = listAt(object, "spec", "ports").find((each) => numberAt(each, "port") === called);
  const number = numberAt(port, "targetPort") ?? numberAt(port, "port") ?? 0;
  if (entriesAt(object, "spec", "selector").length === 0) return [];
  return state.pods
    .filter(
      ({ namespace, labels }) =>
        namespace === object.metadata?.namespace && selects(at(object, "spec", "selector"), labels),
    )
    .map((pod) => (state.isEnrolled(pod.role) ? throughHbone(socket(pod.ip, number)) : plain(pod.ip, number)));
}

const pods = (pod: FakePod | undefined): FakePod[] => (pod ? [pod] : []);
