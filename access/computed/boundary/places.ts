import { serviceHost } from "../../../config/vocabulary";
import { textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import { hostHeader } from "../../probe/pod";
import type { AccessRequest, Mesh, NamespacedName, Sender } from "../../types";
import { gatewayGroup, policiesOfPod, targetRefsOf, waypointClass } from "../objects/binding";
import { labelsOf, nameOf, namespaceLabels, objectOf, objectsOf, refersTo, textOf } from "../objects/mesh-objects";
import { accountOf, addressesOf, containerPortsOf, httpPortsOf, isInMesh, isReady, portsOf } from "../objects/pods";
import { backendsOf, hostAtGateway, hostOfRoute, routesOfGateway } from "../objects/references";
import { controllerOf, ingressUsesWaypoint, waypointOf } from "../objects/waypoints";

/** A place at which a policy is enforced, and an ordinary request to it. */
export interface Place {
  request: AccessRequest;
  /** Senders whose requests reach the place, those with pods first, and the host of requests through a gateway. */
  senders: readonly { from: Sender; host?: string }[];
  /** Ports of the destination. */
  ports: readonly number[];
  /** The place is a gateway, whose clients have no identity. */
  isGateway?: true;
}

/** The places of a policy: Services behind their waypoint, gateways, and pods by their address. */
export function placesOf(mesh: Mesh, policy: KubeObject): Place[] {
  const refs = targetRefsOf(policy);
  if (refs.length === 0) return podPlaces(mesh, policy);
  const { namespace } = nameOf(policy);
  return refs.flatMap((ref) => {
    const name = { namespace, name: textAt(ref, "name") ?? "" };
    if (refersTo(ref, "", "Service")) {
      const service = objectOf(mesh, "Service", name);
      return service ? servicePlace(mesh, service) : [];
    }
    if (refersTo(ref, gatewayGroup, "GatewayClass"))
      return name.name === waypointClass && namespace === mesh.rootNamespace ? boundPlaces(mesh) : [];
    const gateway = objectOf(mesh, "Gateway", name);
    if (!refersTo(ref, gatewayGroup, "Gateway") || !gateway) return [];
    return controllerOf(mesh, gateway) === "istio.io/gateway-controller"
      ? gatewayPlaces(mesh, gateway)
      : boundPlaces(mesh, gateway);
  });
}

/** The Services of a waypoint, or of all waypoints. */
const boundPlaces = (mesh: Mesh, waypoint?: KubeObject): Place[] =>
  objectsOf(mesh, "Service").flatMap((service) => {
    const binding = waypointOf(mesh, service, "service");
    return binding.kind === "bound" && (!waypoint || binding.waypoint === waypoint) ? servicePlace(mesh, service) : [];
  });

function servicePlace(mesh: Mesh, service: KubeObject): Place[] {
  const { namespace, name } = nameOf(service);
  const ports = [...new Set([...httpPortsOf(service), ...portsOf(service)])];
  const [port] = ports;
  const gateways = ingressUsesWaypoint(mesh, service) ? gatewaysTo(mesh, service) : [];
  const workloads = workloadSenders(mesh);
  const [from] = workloads;
  if (port === undefined || !from) return [];
  const senders = [...workloads.map((each) => ({ from: each })), ...gateways];
  const to = { kind: "service" as const, service: { namespace, name }, port };
  return [{ request: ordinary(from, to, hostHeader(serviceHost(name, namespace), port)), senders, ports }];
}

const ordinary = (from: Sender, to: AccessRequest["to"], host: string): AccessRequest => ({
  ...{ from, to, method: "GET", path: "/", host, headers: {} },
});

/** A gateway as a place, once for each Service behind its routes. */
function gatewayPlaces(mesh: Mesh, gateway: KubeObject): Place[] {
  const sender: Sender = { kind: "gateway", gateway: nameOf(gateway) };
  return routesOfGateway(mesh, nameOf(gateway)).flatMap((route) => {
    const [backend] = backendsOf(route);
    if (backend?.port === undefined) return [];
    const { namespace, name, port } = backend;
    const service = { namespace, name };
    return [
      {
        request: ordinary(sender, { kind: "service", service, port }, hostOfRoute(route, service)),
        senders: [{ from: sender }],
        ports: [port],
        isGateway: true,
      },
    ];
  });
}

/** The gateways that route to a Service, each with a host of a route. */
const gatewaysTo = (mesh: Mesh, service: KubeObject): { from: Sender; host: string }[] =>
  objectsOf(mesh, "Gateway")
    .filter((gateway) => controllerOf(mesh, gateway) === "istio.io/gateway-controller")
    .flatMap((gateway) => {
      const host = hostAtGateway(mesh, nameOf(gateway), nameOf(service));
      return host === undefined ? [] : [{ from: { kind: "gateway", gateway: nameOf(gateway) }, host }];
    });

/** One pod of each workload that the policy selects. */
function podPlaces(mesh: Mesh, policy: KubeObject): Place[] {
  const pods = objectsOf(mesh, "Pod").filter(
    (pod) => isInMesh(pod) && isReady(pod) && policiesOfPod(mesh, "AuthorizationPolicy", pod).includes(policy),
  );
  const workloads = workloadSenders(mesh);
  const senders = workloads.map((each) => ({ from: each }));
  const [from] = workloads;
  const kinds = new Map(pods.toReversed().map((pod) => [workloadKey(pod), pod]));
  return [...kinds.values()].toReversed().flatMap((pod) => {
    const ports = containerPortsOf(pod);
    const [port] = ports;
    const [address = ""] = addressesOf(pod);
    if (port === undefined || !from) return [];
    return [
      { request: ordinary(from, { kind: "pod", pod: nameOf(pod), port }, hostHeader(address, port)), senders, ports },
    ];
  });
}

/** Pods of one workload have the same labels, except for the hash of their template. */
function workloadKey(pod: KubeObject): string {
  const { "pod-template-hash": _, ...labels } = labelsOf(pod);
  return JSON.stringify([nameOf(pod).namespace, Object.entries(labels).sort()]);
}

/** Workloads of the mesh by their ServiceAccounts, then ServiceAccounts without a pod, then a sender outside the mesh. */
function workloadSenders(mesh: Mesh): Sender[] {
  const ofPods = objectsOf(mesh, "Pod")
    .filter((pod) => isInMesh(pod) && isReady(pod))
    .map((pod) => senderOf({ namespace: nameOf(pod).namespace, name: accountOf(pod) }, labelsOf(pod)));
  const others = objectsOf(mesh, "ServiceAccount")
    .filter(({ metadata }) => namespaceLabels(mesh, metadata?.namespace ?? "")["istio.io/dataplane-mode"] === "ambient")
    .map((account) => senderOf(nameOf(account), {}));
  const sorted = (senders: readonly Sender[]) => [...senders].sort((a, b) => (senderKey(a) < senderKey(b) ? -1 : 1));
  const known = new Map<string, Sender>();
  for (const sender of [...sorted(ofPods), ...sorted(others)])
    if (!known.has(senderKey(sender))) known.set(senderKey(sender), sender);
  const [first] = known.values();
  const outside: Sender[] =
    first?.kind === "workload" ? [{ ...first, serviceAccount: "default", labels: {}, inMesh: false }] : [];
  return [...known.values(), ...outside];
}

const senderOf = ({ namespace, name }: NamespacedName, labels: Readonly<Record<string, string>>): Sender => ({
  ...{ kind: "workload", namespace, serviceAccount: name, labels, inMesh: true },
});

/** A sender in reasons. */
export function senderKey(sender: Sender): string {
  if (sender.kind === "gateway") return `Gateway ${textOf(sender.gateway)}`;
  return sender.inMesh ? `ServiceAccount ${sender.namespace}/${sender.serviceAccount}` : "a sender outside the mesh";
}
