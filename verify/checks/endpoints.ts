import { isIP } from "node:net";
import { appNamespace, type Layer, labelKeys, ports, serviceHost } from "../../config/vocabulary";
import { waypoints, workloads } from "../../experiments/names";
import type { WaypointName } from "../../experiments/slices";
import type { WorkloadEntry } from "../../modules/slice";
import type { VerifyContext } from "../context";
import { hasLabels } from "../declared/authorization";
import { isOurs } from "../diagnosis/endpoints";
import { entriesAt, listAt, numberAt, textAt, textsAt } from "../json";
import type { KubeObject } from "../lab-client";
import { addressesOf, hostPort, isLive, isReady, portOf } from "../pods";
import type { ProxySummary, RouteSummary } from "../proxy-config/envoy-dump";

/** A pod, or an address that is not a pod's, to which a proxy may send the requests for a Service. */
interface Backend {
  name: string;
  /** Endpoints in the configuration of the proxy, one for each address. */
  targets: readonly string[];
  ready: boolean;
}

/** The result of comparing the endpoints of a proxy. */
interface Compared {
  /** Differences as text. */
  differences: readonly string[];
  /** The first Service or ServiceEntry of a declared route that has no ready pod. */
  idle?: { layer: Layer; seen: string };
}

/**
 * Compares the endpoints of a proxy with the ready pods of the lab, in each cluster for a Service or ServiceEntry of
 * the stack, and in each cluster that the declared routes name. The expected endpoints follow the source of istiod (istio 1.31,
 * pilot/pkg/xds/endpoints/endpoint_builder.go: BuildClusterLoadAssignment, filterIstioEndpoint, buildEnvoyLbEndpoint): a pod in the
 * mesh through HBONE, any other pod by its address; at a gateway, the waypoint of a Service with `ingress-use-waypoint`; and, with
 * PILOT_AUTO_SEND_UNHEALTHY_ENDPOINTS, pods that are not ready as unhealthy endpoints, which Envoy does not use.
 *
 * @param routed clusters of the declared routes
 * @param scope whether all other clusters of the lab's Services are compared as well
 */
export async function compareEndpoints(
  context: VerifyContext,
  { endpoints }: Pick<ProxySummary, "endpoints">,
  proxy: "gateway" | "waypoint",
  routed: readonly string[],
  scope: "all" | "routed",
): Promise<Compared> {
  const hosts = hostsIn(context.facts.declared);
  const pods = podLists(context);
  const names = scope === "all" ? [...routed, ...endpoints.map(({ cluster }) => cluster)] : routed;
  const compared = await Promise.all(
    [...new Set(names)].map(async (cluster): Promise<Compared> => {
      const { port, host } = clusterOf(cluster) ?? {};
      const object = hosts.get(host ?? "");
      if (!object || port === undefined) return { differences: [] };
      const found = endpoints.find((each) => each.cluster === cluster);
      if (!found) return { differences: [`lacks the cluster ${cluster}`] };
      const backends = await backendsOf(context, object, port, proxy, pods);
      const isIdle = routed.includes(cluster) && !backends.some(({ ready }) => ready);
      const waypoint = proxy === "gateway" ? waypointForIngress(object) : undefined;
      const idle = waypoint
        ? ({ layer: "waypoint", seen: `no ready pod of ${waypoint.name}` } as const)
        : ({ layer: "app", seen: `no ready pod behind ${object.kind}/${object.metadata?.name}` } as const);
      const here = await pods(object.metadata?.namespace ?? appNamespace);
      return { differences: differencesOf(found, backends, here.filter(isOurs)), ...(isIdle ? { idle } : {}) };
    }),
  );
  const [idle] = compared.flatMap((each) => each.idle ?? []);
  return { differences: compared.flatMap((each) => each.differences), ...(idle ? { idle } : {}) };
}

/** The clusters of routes, including mirrors. */
export const clustersOfRoutes = (routes: readonly RouteSummary[]): string[] =>
  routes.flatMap(({ cluster, weights = [], mirrors = [] }) => [
    ...[cluster, ...weights.map((each) => each.cluster)],
    ...mirrors.map((mirror) => mirror.replace(/ \(.*\)$/, "")),
  ]);

function differencesOf(
  { cluster, targets, unhealthy = [] }: ProxySummary["endpoints"][number],
  backends: readonly Backend[],
  pods: readonly KubeObject[],
): string[] {
  const backendAt = (target: string) => backends.find((backend) => backend.targets.includes(target));
  const wanted = backends.filter(({ ready }) => ready);
  const declared = wanted.map(({ targets: [target] }) => target).join(", ") || "none";
  const strange = (target: string) => {
    const pod = pods.find((each) => addressesOf(each).includes(addressIn(target)));
    return pod ? `${nameOf(pod)}, declared is ${declared}` : "no pod of the lab";
  };
  return [
    ...[...targets, ...unhealthy]
      .filter((target) => !backendAt(target))
      .map((target) => `endpoint ${target} of ${cluster} is ${strange(target)}`),
    ...targets
      .filter((target) => backendAt(target)?.ready === false)
      .map((target) => `endpoint ${target} of ${cluster} is ${backendAt(target)?.name}, which is not ready`),
    ...wanted
      .filter((backend) => !backend.targets.some((target) => targets.includes(target)))
      .map(({ name, targets: [target] }) => `${cluster} lacks the endpoint ${target} of ${name}`),
  ];
}

const nameOf = ({ metadata }: KubeObject): string => `Pod ${metadata?.namespace}/${metadata?.name}`;

/** The address in a target such as `envoy://connect_originate/[fd00::5]:8080` or `10.244.2.5:8080`. */
const addressIn = (target: string): string => /\[?([^/[\]]+?)\]?:\d+$/.exec(target)?.[1] ?? target;

/** Direction, port, subset or protocol, and host of Istio's name for a cluster (pilot/pkg/model/context.go, BuildSubsetKey). */
function clusterOf(cluster: string): { port: number; host: string } | undefined {
  const [, port, host] = /^(?:outbound|inbound-vip)\|(\d+)\|[^|]*\|([^|]+)$/.exec(cluster) ?? [];
  return host === undefined ? undefined : { port: Number(port), host };
}

/** The Services with a selector and the ServiceEntries of the stack, by their hosts. */
const hostsIn = (declared: readonly KubeObject[]): ReadonlyMap<string, KubeObject> =>
  new Map(
    declared.flatMap((object) => {
      if (object.kind === "ServiceEntry")
        return textsAt(object, "spec", "hosts").map((host) => [host, object] as const);
      const { name = "", namespace } = object.metadata ?? {};
      const selects = object.kind === "Service" && entriesAt(object, "spec", "selector").length > 0;
      return selects ? [[serviceHost(name, namespace), object] as const] : [];
    }),
  );

type PodLists = (namespace: string) => Promise<KubeObject[]>;

/** Lists the live pods of namespaces, each namespace only once. */
function podLists({ lab, signal }: VerifyContext): PodLists {
  const lists = new Map<string, Promise<KubeObject[]>>();
  return async (namespace) => {
    const list = lists.get(namespace) ?? lab.list({ apiVersion: "v1", kind: "Pod", namespace }, signal);
    lists.set(namespace, list);
    return (await list).filter(isLive);
  };
}

async function backendsOf(
  context: VerifyContext,
  object: KubeObject,
  port: number,
  proxy: "gateway" | "waypoint",
  pods: PodLists,
): Promise<Backend[]> {
  if (object.kind === "ServiceEntry") return addressesBehind(context, object, port);
  const waypoint = proxy === "gateway" ? waypointForIngress(object) : undefined;
  const entry = listAt(object, "spec", "ports").find((each) => numberAt(each, "port") === port);
  const selector = waypoint ? { [labelKeys.gatewayName]: waypoint.name } : Object(object.spec).selector;
  const here = await pods(waypoint?.namespace ?? object.metadata?.namespace ?? appNamespace);
  return here
    .filter((pod) => isOurs(pod) && hasLabels(pod.metadata?.labels ?? {}, selector))
    .map((pod) => {
      const number = waypoint ? ports.hbone : (portOf(pod, entry) ?? port);
      const prefix = waypoint || isInMesh(pod) ? "envoy://connect_originate/" : "";
      return {
        name: nameOf(pod),
        targets: addressesOf(pod).map((address) => `${prefix}${hostPort(address, number)}`),
        ready: isReady(pod),
      };
    });
}

/** The waypoint to which the gateway sends the requests for a Service; undefined when it sends them to the pods. */
function waypointForIngress({ metadata = {} }: KubeObject): { name: string; namespace: string } | undefined {
  const { labels = {} } = metadata;
  const name = labels[labelKeys.useWaypoint];
  if (!name || labels[labelKeys.ingressUseWaypoint] !== "true") return undefined;
  const { namespace = appNamespace } = waypoints[name as WaypointName] ?? {};
  return { name, namespace };
}

const isInMesh = ({ metadata = {} }: KubeObject): boolean =>
  (Object.entries(workloads) as [string, WorkloadEntry][]).some(
    ([key, { namespace, app = key, mesh }]) =>
      mesh === true && (namespace ?? appNamespace) === metadata.namespace && app === metadata.labels?.app,
  );

/** The endpoint of a ServiceEntry of the lab is the name of a Service, which is resolved to the addresses of that Service. */
async function addressesBehind({ lab, signal }: VerifyContext, entry: KubeObject, port: number): Promise<Backend[]> {
  return Promise.all(
    listAt(entry, "spec", "endpoints").map(async (endpoint) => {
      const address = textAt(endpoint, "address") ?? "";
      const [name = "", namespace] = address.split(".");
      const service = await lab.read({ apiVersion: "v1", kind: "Service", namespace: namespace ?? "", name }, signal);
      const known = [...textsAt(service, "spec", "clusterIPs"), textAt(service, "spec", "clusterIP") ?? ""];
      const targets = [...new Set(known)].filter((each) => isIP(each) !== 0).map((each) => hostPort(each, port));
      return { name: address, targets, ready: targets.length > 0 };
    }),
  );
}
