import { actionOf, isDryRun } from "../../../verify/declared/authorization";
import { entriesAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { gatewayGroup, type MeshProxy, policiesAt, policiesOfPod } from "../objects/binding";
import {
  labelsOf,
  nameOf,
  objectOf,
  objectsOf,
  refersTo,
  textOf,
  titleOf,
  unreadReason,
} from "../objects/mesh-objects";
import { hasOwnProxy, isInMesh, isReady, podsOf, targetPortsOf } from "../objects/pods";
import { backendsOf, parentsOf } from "../objects/references";
import {
  className,
  identitiesOf,
  ingressUsesWaypoint,
  instancesOf,
  isIstioWaypoint,
  uniqueIdentities,
  waypointOf,
} from "../objects/waypoints";
import { type Identity, principalText } from "../rules/seen";
import { verdictAtPod } from "../rules/verdict";
import { type ConfigurationFinding, shortList } from "./finding";
import { applyCommand, labelCommand, patchCommand } from "./fixes";

/** A Service and the waypoint that it is bound to. */
interface Bound {
  service: KubeObject;
  waypoint: KubeObject;
}

const boundServices = (mesh: Mesh): Bound[] =>
  objectsOf(mesh, "Service").flatMap((service) => {
    const binding = waypointOf(mesh, service, "service");
    return binding.kind === "bound" && textAt(service, "spec", "clusterIP") !== "None"
      ? [{ service, waypoint: binding.waypoint }]
      : [];
  });

const proxyOf = ({ service, waypoint }: Bound): MeshProxy => ({
  ...{ kind: "waypoint", gateway: nameOf(waypoint), labels: {}, service: nameOf(service) },
});

/** Enforced policies of a proxy that may refuse requests. */
const refusing = (mesh: Mesh, proxy: MeshProxy): KubeObject[] =>
  policiesAt(mesh, "AuthorizationPolicy", proxy).filter((policy) => actionOf(policy) !== "AUDIT" && !isDryRun(policy));

/** A route of a gateway, and a Service behind it. */
interface Entry {
  route: KubeObject;
  gateway: KubeObject;
  service: KubeObject;
}

function entries(mesh: Mesh): Entry[] {
  return objectsOf(mesh, "HTTPRoute").flatMap((route) => {
    const gateways = parentsOf(route).flatMap((parent) =>
      refersTo(parent, gatewayGroup, "Gateway") ? (objectOf(mesh, "Gateway", parent) ?? []) : [],
    );
    const services = backendsOf(route).flatMap((backend) =>
      backend.kind === "Service" ? (objectOf(mesh, "Service", backend) ?? []) : [],
    );
    return [...new Set(gateways)].flatMap((gateway) =>
      [...new Set(services)].map((service) => ({ route, gateway, service })),
    );
  });
}

const proxyKinds = ["Gateway", "GatewayClass", "Service", "Pod", "Namespace", "AuthorizationPolicy"];

/** Services with policies at their waypoint to which a gateway sends requests directly. */
export function skippedWaypoints(mesh: Mesh): ConfigurationFinding[] {
  if (unreadReason(mesh, [...proxyKinds, "HTTPRoute"])) return [];
  const routed = entries(mesh);
  return boundServices(mesh).flatMap((bound) => {
    const { service, waypoint } = bound;
    const policies = [...refusing(mesh, proxyOf(bound)), ...policiesAt(mesh, "RequestAuthentication", proxyOf(bound))];
    const [entry] = routed.filter((each) => each.service === service);
    if (!entry || policies.length === 0 || ingressUsesWaypoint(mesh, service)) return [];
    return [
      {
        id: "gateway-skips-waypoint" as const,
        object: titleOf(service),
        what: `${titleOf(entry.gateway)} sends the requests of ${titleOf(entry.route)} to its pods, past waypoint ${textOf(nameOf(waypoint))}`,
        why: `${policies.map(titleOf).join(", ")} ${policies.length > 1 ? "do" : "does"} not apply to requests through the gateway`,
        fix: labelCommand(service, "istio.io/ingress-use-waypoint=true"),
      },
    ];
  });
}

/** Policies at waypoints of another class than Istio's own. */
export function foreignWaypoints(mesh: Mesh): ConfigurationFinding[] {
  if (unreadReason(mesh, proxyKinds)) return [];
  const found = boundServices(mesh).filter(({ waypoint }) => !isIstioWaypoint(mesh, waypoint));
  return [...new Set(found.map(({ waypoint }) => waypoint))].flatMap((waypoint) => {
    const policies = found
      .filter((bound) => bound.waypoint === waypoint)
      .flatMap((bound) => refusing(mesh, proxyOf(bound)));
    if (policies.length === 0) return [];
    return [
      {
        id: "agentgateway-policies" as const,
        object: titleOf(waypoint),
        what: `this waypoint is of class ${className(waypoint)}, and has ${[...new Set(policies.map(titleOf))].join(", ")}`,
        why: "istiod writes AuthorizationPolicies for waypoints of its own class alone: such a proxy accepts them and enforces none",
        fix: patchCommand(waypoint, { spec: { gatewayClassName: "istio-waypoint" } }),
      },
    ];
  });
}

/** Services with policies at their waypoint whose pods accept connections from other senders. */
export function waysAround(mesh: Mesh): ConfigurationFinding[] {
  if (unreadReason(mesh, [...proxyKinds, "PeerAuthentication"])) return [];
  return boundServices(mesh).flatMap((bound) => {
    const { service, waypoint } = bound;
    const policies = refusing(mesh, proxyOf(bound));
    const pods = podsOf(mesh, service).filter((pod) => isReady(pod) && isInMesh(pod) && !hasOwnProxy(pod));
    if (policies.length === 0 || pods.length === 0) return [];
    const [own] = identitiesOf(mesh, waypoint);
    const members = objectsOf(mesh, "Pod").filter((pod) => isInMesh(pod) && isReady(pod));
    const others = [undefined, ...uniqueIdentities(mesh, members)].filter(
      (identity) => !own || !identity || principalText(identity) !== principalText(own),
    );
    const reaching = others.filter((identity) =>
      pods.some((pod) =>
        targetPortsOf(service, pod).some((port) => verdictAtPod(mesh, pod, { port, identity }).is === "passed"),
      ),
    );
    if (reaching.length === 0 || !own) return [];
    return [
      {
        id: "around-the-waypoint" as const,
        object: titleOf(service),
        what: `its pods take connections past waypoint ${textOf(nameOf(waypoint))} from ${sendersText(reaching)}`,
        why: `${policies.map(titleOf).join(", ")} ${policies.length > 1 ? "apply" : "applies"} at the waypoint alone, and requests to a pod's address, or from outside the mesh, do not go through it`,
        fix: applyCommand(waypointOnly(mesh, service, pods)),
      },
    ];
  });
}

const sendersText = (senders: readonly (Identity | undefined)[]): string =>
  shortList(
    senders.map((identity) =>
      identity ? `ServiceAccount ${identity.namespace}/${identity.serviceAccount}` : "outside the mesh",
    ),
  );

/** A DENY policy for all identities other than the waypoints of the pods' Services; no ALLOW policy overrides it. */
function waypointOnly(mesh: Mesh, service: KubeObject, pods: readonly KubeObject[]): KubeObject {
  const { namespace, name } = nameOf(service);
  const waypoints = boundServices(mesh)
    .filter((bound) => podsOf(mesh, bound.service).some((pod) => pods.includes(pod)))
    .flatMap(({ waypoint }) => identitiesOf(mesh, waypoint))
    .map(principalText);
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: `${name}-waypoint-only`, namespace },
    spec: {
      selector: { matchLabels: Object.fromEntries(entriesAt(service, "spec", "selector")) },
      action: "DENY",
      rules: [{ from: [{ source: { notPrincipals: [...new Set(waypoints)].sort() } }] }],
    },
  };
}

/** Routes of gateways whose requests no policy restricts. */
export function unguardedRoutes(mesh: Mesh): ConfigurationFinding[] {
  if (unreadReason(mesh, [...proxyKinds, "HTTPRoute"])) return [];
  return entries(mesh).flatMap(({ route, gateway, service }) => {
    const [pod] = instancesOf(mesh, gateway).filter(isReady);
    const proxy: MeshProxy = { kind: "gateway", gateway: nameOf(gateway), labels: pod ? labelsOf(pod) : {} };
    const binding = waypointOf(mesh, service, "service");
    const bound =
      binding.kind === "bound" && ingressUsesWaypoint(mesh, service)
        ? { service, waypoint: binding.waypoint }
        : undefined;
    const behind = bound ? refusing(mesh, proxyOf(bound)) : podsOf(mesh, service).flatMap((each) => atPod(mesh, each));
    if (refusing(mesh, proxy).length + behind.length > 0) return [];
    return [
      {
        id: "unguarded-route" as const,
        object: titleOf(route),
        what: `${titleOf(gateway)} lets every request of this route through to ${titleOf(service)}`,
        why: "no AuthorizationPolicy applies at the gateway, at the waypoint or at the pods: clients from outside may send any method to any path",
        fix: applyCommand(guard(route, gateway, service, bound !== undefined)),
      },
    ];
  });
}

const atPod = (mesh: Mesh, pod: KubeObject): KubeObject[] =>
  isInMesh(pod)
    ? policiesOfPod(mesh, "AuthorizationPolicy", pod).filter(
        (policy) => ["ALLOW", "DENY"].includes(actionOf(policy)) && !isDryRun(policy),
      )
    : [];

/** A policy that lets GET requests in: on the Service behind a waypoint, else on the gateway for the hosts of the route. */
function guard(route: KubeObject, gateway: KubeObject, service: KubeObject, waypoint: boolean): KubeObject {
  const kind = { apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" };
  if (waypoint) {
    const { namespace, name } = nameOf(service);
    const targetRefs = [{ group: "", kind: "Service", name }];
    return {
      ...kind,
      metadata: { name: `${name}-get-only`, namespace },
      spec: { targetRefs, action: "ALLOW", rules: [{ to: [{ operation: { methods: ["GET"] } }] }] },
    };
  }
  const { namespace, name } = nameOf(gateway);
  // The gateway routes a Host header with a port like one without.
  const hosts = textsAt(route, "spec", "hostnames")
    .flatMap((host) => [host, `${host}:*`])
    .filter((host) => !/^\*.*\*$/.test(host));
  const operation = { ...(hosts.length > 0 ? { hosts } : {}), notMethods: ["GET"] };
  return {
    ...kind,
    metadata: { name: `${nameOf(route).name}-get-only`, namespace },
    spec: {
      targetRefs: [{ group: gatewayGroup, kind: "Gateway", name }],
      action: "DENY",
      rules: [{ to: [{ operation }] }],
    },
  };
}
