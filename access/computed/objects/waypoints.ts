import { labelKeys } from "../../../config/vocabulary";
import { hasLabels, parseBool } from "../../../verify/declared/authorization";
import { at, listAt, numberAt, textAt, textsAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { type Identity, principalText } from "../rules/seen";
import { waypointClass } from "./binding";
import { labelsOf, nameOf, namespaceLabels, objectOf, objectsOf, textOf } from "./mesh-objects";
import { identityOf, isReady } from "./pods";

/**
 * The waypoint of a Service or a pod (istio 1.31, pilot/pkg/serviceregistry/ambient/waypoints.go: fetchWaypointForService and
 * fetchWaypointForWorkload).
 */
export type WaypointBinding =
  | { kind: "none" }
  /** A label names a waypoint that does not accept the traffic: requests bypass it. */
  | { kind: "refused"; reason: string }
  | { kind: "bound"; waypoint: KubeObject }
  /** A share of the requests goes to another waypoint. */
  | { kind: "unclear"; reason: string };

/** The address that a request is sent to: of a Service, or of a pod. */
type Traffic = "service" | "workload";

export function waypointOf(mesh: Mesh, object: KubeObject, traffic: Traffic): WaypointBinding {
  const labels = labelsOf(object);
  // Waypoints and east-west gateways have no waypoint.
  if (traffic === "service" && /^istio\.io-(mesh|eastwest)-controller$/.test(labels["gateway.istio.io/managed"] ?? ""))
    return { kind: "none" };
  if (traffic === "workload" && isInstance(mesh, object)) return { kind: "none" };
  const { namespace } = nameOf(object);
  const own = labels[labelKeys.useWaypoint];
  if (own === "none") return { kind: "none" };
  const labelled = own === undefined ? namespaceLabels(mesh, namespace) : labels;
  const name = labelled[labelKeys.useWaypoint];
  if (name === undefined || name === "none") return { kind: "none" };
  const named = { namespace: labelled[labelKeys.useWaypointNamespace] ?? namespace, name };
  const waypoint = objectOf(mesh, "Gateway", named);
  // istiod adds the address once the Service of the waypoint exists.
  if (!waypoint || listAt(waypoint, "status", "addresses").length === 0)
    return {
      kind: "refused",
      reason: `waypoint ${textOf(named)} ${waypoint ? "has no address yet" : "does not exist"}`,
    };
  if (!admits(mesh, waypoint, namespace))
    return { kind: "refused", reason: `waypoint ${textOf(named)} admits no routes from namespace ${namespace}` };
  const serves = servedBy(mesh, waypoint);
  if (serves !== traffic && serves !== "all") {
    // A waypoint for Services in the label of a namespace does not apply to its pods.
    if (traffic === "workload" && own === undefined) return { kind: "none" };
    return { kind: "refused", reason: `waypoint ${textOf(named)} is for traffic to ${serves}, not to ${traffic}` };
  }
  const canary = traffic === "service" ? canaryOf(object, own === undefined ? labelled : labels) : undefined;
  return canary === undefined
    ? { kind: "bound", waypoint }
    : { kind: "unclear", reason: `a share of the requests goes to the canary waypoint ${canary}` };
}

const isInstance = (mesh: Mesh, pod: KubeObject): boolean => {
  const name = labelsOf(pod)[labelKeys.gatewayName];
  return name !== undefined && objectOf(mesh, "Gateway", { namespace: nameOf(pod).namespace, name }) !== undefined;
};

function canaryOf(object: KubeObject, labels: Readonly<Record<string, string>>): string | undefined {
  const name = labels["istio.io/use-waypoint-canary"];
  const weight = object.metadata?.annotations?.["istio.io/use-waypoint-canary-weight"];
  return name === undefined || name === "" || name === "none" || weight === "0" ? undefined : name;
}

const classOf = (mesh: Mesh, gateway: KubeObject): KubeObject | undefined =>
  objectsOf(mesh, "GatewayClass").find(({ metadata }) => metadata?.name === className(gateway));

export const className = (gateway: KubeObject): string => textAt(gateway, "spec", "gatewayClassName") ?? "";

/**
 * Controllers of the classes that istiod makes itself, for a mesh whose classes were not read (pilot/pkg/features,
 * pkg/config/constants).
 */
const ownControllers: Readonly<Record<string, string>> = {
  istio: "istio.io/gateway-controller",
  [waypointClass]: "istio.io/mesh-controller",
  "istio-remote": "istio.io/unmanaged-gateway",
  "istio-east-west": "istio.io/eastwest-controller",
};

/** The controller of a Gateway's class; undefined for a class that is not known. */
export const controllerOf = (mesh: Mesh, gateway: KubeObject): string | undefined =>
  textAt(classOf(mesh, gateway), "spec", "controllerName") ?? ownControllers[className(gateway)];

/** Whether a Gateway is a waypoint of istiod, and not of agentgateway. */
export const isIstioWaypoint = (mesh: Mesh, gateway: KubeObject): boolean =>
  controllerOf(mesh, gateway) === "istio.io/mesh-controller";

/** The traffic that a waypoint accepts, such as "service" or "all". */
const servedBy = (mesh: Mesh, waypoint: KubeObject): string =>
  labelsOf(waypoint)[labelKeys.waypointFor] ??
  classOf(mesh, waypoint)?.metadata?.labels?.[labelKeys.waypointFor] ??
  "service";

/** Whether a waypoint accepts the traffic of a namespace, by `allowedRoutes` of its HBONE listener. @default its own namespace */
function admits(mesh: Mesh, waypoint: KubeObject, namespace: string): boolean {
  const listener = listAt(waypoint, "spec", "listeners").find(
    (each) => at(each, "protocol") === "HBONE" && numberAt(each, "port") === 15_008,
  );
  return namespaceAllowed(mesh, at(listener, "allowedRoutes", "namespaces"), nameOf(waypoint).namespace, namespace);
}

/** Whether `allowedRoutes.namespaces` of a listener allows routes of a namespace. */
export function namespaceAllowed(mesh: Mesh, allowed: unknown, own: string, namespace: string): boolean {
  const from = textAt(allowed, "from") ?? "Same";
  if (from === "All") return true;
  if (from !== "Selector") return own === namespace;
  const labels = { ...namespaceLabels(mesh, namespace), "kubernetes.io/metadata.name": namespace };
  return selectsLabels(at(allowed, "selector"), labels);
}

/** A LabelSelector of Kubernetes, with expressions. */
function selectsLabels(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const fulfilled = listAt(selector, "matchExpressions").every((each) => {
    const [key, operator] = [textAt(each, "key") ?? "", textAt(each, "operator")];
    const value = labels[key];
    if (operator === "Exists") return value !== undefined;
    if (operator === "DoesNotExist") return value === undefined;
    const listed = value !== undefined && textsAt(each, "values").includes(value);
    return operator === "NotIn" ? !listed : listed;
  });
  return fulfilled && hasLabels(labels, at(selector, "matchLabels"));
}

/** Whether gateways send a Service's requests through its waypoint: a label of the Service, else of its namespace. */
export function ingressUsesWaypoint(mesh: Mesh, service: KubeObject): boolean {
  const key = labelKeys.ingressUseWaypoint;
  return parseBool(labelsOf(service)[key] ?? namespaceLabels(mesh, nameOf(service).namespace)[key]);
}

/** The pods of a gateway or waypoint. */
export const instancesOf = (mesh: Mesh, gateway: KubeObject): KubeObject[] =>
  objectsOf(mesh, "Pod").filter(
    (pod) =>
      pod.metadata?.namespace === gateway.metadata?.namespace &&
      labelsOf(pod)[labelKeys.gatewayName] === gateway.metadata?.name,
  );

/** The identities of the ready pods of a gateway or waypoint. */
export const identitiesOf = (mesh: Mesh, gateway: KubeObject): Identity[] =>
  uniqueIdentities(mesh, instancesOf(mesh, gateway).filter(isReady));

/** The identities of pods, each once. */
export const uniqueIdentities = (mesh: Mesh, pods: readonly KubeObject[]): Identity[] => [
  ...new Map(pods.map((pod) => identityOf(mesh, pod)).map((each) => [principalText(each), each])).values(),
];
