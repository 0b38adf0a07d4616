import type { ConfigPart } from "./check-detail";
import { waypointAt } from "./names";
import type { AppName, LabObject, ServiceName } from "./slices";
import type { Check, CheckDetail } from "./types";

/** A check as a step of an experiment. @param name the expected state, as a statement */
export const check = (name: string, detail: CheckDetail): Check => ({ kind: "check", name, ...detail });

/** All pods of the workloads are up to date and ready. */
export const rollouts = (name: string, ...objects: LabObject[]): Check => check(name, { check: "rollouts", objects });

/** A condition of an object is True, with this text in its message. */
export const condition = (name: string, object: LabObject, type: string, messageIncludes?: string): Check =>
  check(name, { check: "condition", object, type, ...(messageIncludes ? { messageIncludes } : {}) });

/** Istio reports that a Service or ServiceEntry uses a waypoint. @param waypoint namespace and name */
export const bound = (object: LabObject, waypoint: string, name = `${object} is bound to ${waypoint}`): Check =>
  condition(name, object, "istio.io/WaypointBound", `attached to waypoint ${waypoint}`);

/** The gate before requests that depend on the configuration of a proxy: it has what the stack declares, and nothing else. */
export const configGate = (name: string, of: ServiceName | "gateway", ...parts: ConfigPart[]): Check =>
  check(name, { check: "proxy-config", of, ...(parts.length > 0 ? { parts } : {}), gate: true });

/** {@link configGate} before requests that the policies of a Service must refuse. */
export const rulesGate = (service: ServiceName): Check =>
  configGate(`rules of ${service} at ${waypointAt(service)}`, service, "filters", "rules", "endpoints");

/** The gate before requests that a policy on pods must reset: the ztunnel of the pods has the declared policies, and no others. */
export const podGate = (app: AppName): Check =>
  check(`policies on ${app} at its ztunnel`, { check: "pod-policies", app, gate: true });
