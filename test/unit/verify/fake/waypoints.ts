import { at, listAt, numberAt, textAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { keyOf } from "./object-key";

const classes = ["istio-waypoint", "istio-agentgateway-waypoint"];

/** The waypoint in the labels of a Service or a ServiceEntry. */
export interface Attachment {
  /** "namespace/name" of the Gateway. */
  waypoint: string;
  /** The reason why istiod does not attach the Service to the waypoint. */
  problem?: { reason: string; message: string };
}

/** The attachment of a Service or a ServiceEntry; undefined without the label of a waypoint (pilot, ambient/waypoints.go). */
export function attachment(
  { metadata = {} }: KubeObject,
  read: (key: string) => KubeObject | undefined,
): Attachment | undefined {
  const name = metadata.labels?.["istio.io/use-waypoint"];
  if (!name || name === "none") return undefined;
  const namespace = metadata.labels?.["istio.io/use-waypoint-namespace"] ?? metadata.namespace;
  const waypoint = `${namespace}/${name}`;
  const gateway = read(keyOf("Gateway", namespace, name));
  const problem = (reason: string, message: string) => ({ waypoint, problem: { reason, message } });
  if (!gateway || !isWaypoint(gateway)) return problem("WaypointIsNotReady", `waypoint "${waypoint}" is not ready`);
  if (!admits(gateway, metadata.namespace))
    return problem(
      "AttachmentDenied",
      `we are not permitted to attach to waypoint "${waypoint}" (missing allowedRoutes?)`,
    );
  // A waypoint without the label accepts the traffic of Services.
  if (!["service", "all"].includes(gateway.metadata?.labels?.["istio.io/waypoint-for"] ?? "service"))
    return problem(
      "UnsupportedTrafficType",
      `attempting to bind to traffic type "service" which the waypoint "${waypoint}" does not support`,
    );
  return { waypoint };
}

/** ztunnel and gateways connect to a waypoint by HBONE. */
const isWaypoint = (gateway: KubeObject): boolean =>
  classes.includes(textAt(gateway, "spec", "gatewayClassName") ?? "") &&
  listAt(gateway, "spec", "listeners").some(
    (listener) => textAt(listener, "protocol") === "HBONE" && numberAt(listener, "port") === 15_008,
  );

/** Whether a waypoint accepts Services of a namespace: its own, or those that its listener allows. */
function admits(gateway: KubeObject, namespace: string | undefined): boolean {
  const allowed = at(gateway, "spec", "listeners", 0, "allowedRoutes", "namespaces");
  if (textAt(allowed, "from") === "All") return true;
  if (textAt(allowed, "from") !== "Selector") return gateway.metadata?.namespace === namespace;
  return textAt(allowed, "selector", "matchLabels", "kubernetes.io/metadata.name") === namespace;
}
