import type { LabSettings } from "../config/schema";
import { type Method, methods } from "../config/vocabulary";
import { callerOf, waypointAt } from "./names";
import type { AppName, Client, LabObject, ServiceName } from "./slices";
import type { Check, Expectation, Probe } from "./types";

const paths: Record<Method, string> = {
  GET: "/get",
  HEAD: "/anything",
  POST: "/post",
  PUT: "/put",
  PATCH: "/patch",
  DELETE: "/delete",
  OPTIONS: "/anything",
};

/** Path on which httpbin answers a method. */
export const pathFor = (method: Method): string => paths[method];

/** Methods that the lab allows, in a fixed order. */
const allowedMethods = (settings: LabSettings): Method[] =>
  methods.filter((method) => settings.allowedMethods.includes(method));

/** The method that allowed callers use: GET where it is allowed. */
export const usualMethod = (settings: LabSettings): Method => allowedMethods(settings)[0] ?? "GET";

/** A method that is not allowed; undefined when all are allowed. */
export const forbiddenMethod = (settings: LabSettings): Method | undefined =>
  (["POST", "PUT", "DELETE", "PATCH", "GET", "OPTIONS", "HEAD"] as const).find(
    (method) => !settings.allowedMethods.includes(method),
  );

/** Clients inside the mesh, or on this machine, that the policy allows. */
export function allowedClients(settings: LabSettings): Client[] {
  const clients: Client[] = ["appa", "stranger", "host"];
  return clients.filter((client) => isAllowed(settings, client));
}

/** A client inside the mesh that the policy allows; undefined when there is none. */
export const inMeshClient = (settings: LabSettings): Exclude<Client, "host"> | undefined =>
  allowedClients(settings).find((client) => client !== "host");

/** The gate before requests that a policy must refuse: the Service's waypoint has the declared rules and filters, and no others. */
export const rulesGate = (service: ServiceName): Check => ({
  kind: "check",
  name: `rules of ${service} at ${waypointAt(service)}`,
  check: "proxy-config",
  of: service,
  parts: ["filters", "rules"],
  gate: true,
});

/** The gate before requests that a policy on pods must reset: the pods' ztunnel has the declared policies, and no others. */
export const podGate = (app: AppName): Check => ({
  kind: "check",
  name: `policies on ${app} at its ztunnel`,
  check: "pod-policies",
  app,
  gate: true,
});

/** Requests to a further Service of appb, which has appb's policy: one that it allows and one that it refuses. */
export function serviceProbes(settings: LabSettings, service: ServiceName, policy: LabObject): Probe[] {
  const from = inMeshClient(settings) ?? "appa";
  const probe = (method: Method, may: string, expect: Expectation): Probe => {
    const name = `${from} ${may} ${method} ${service}`;
    return { kind: "probe", name, from, to: "service", service, method, path: paths[method], expect };
  };
  const forbidden = forbiddenMethod(settings);
  return [
    probe(usualMethod(settings), "may", { outcome: "answered", through: ["waypoint"] }),
    ...(forbidden ? [probe(forbidden, "may not", { outcome: "refused", by: "waypoint", status: 403, policy })] : []),
  ];
}

function isAllowed(settings: LabSettings, client: Client): boolean {
  const caller = callerOf(client);
  return caller !== undefined && settings.allowedCallers.includes(caller);
}

/** A path without the fault; undefined when the fault applies to all paths. */
export const controlPath = (settings: LabSettings, method: Method): string | undefined =>
  [pathFor(method), "/anything", "/status/200"].find((path) => !path.startsWith(settings.faultPath));

/** The expected result of a request to appb through the waypoint. */
export function outcomeAtWaypoint(settings: LabSettings, client: Client, method: Method): Expectation {
  if (isAllowed(settings, client) && settings.allowedMethods.includes(method))
    return { outcome: "answered", through: client === "host" ? ["gateway", "waypoint"] : ["waypoint"] };
  return { outcome: "refused", by: "waypoint", status: 403, policy: "AuthorizationPolicy/appb-l7" };
}

/** A request to appb through the waypoint, with the result that the settings imply. */
export function request(settings: LabSettings, client: Client, method: Method, path = pathFor(method)): Probe {
  const expect = outcomeAtWaypoint(settings, client, method);
  const who = client === "host" ? "the gateway" : client;
  return {
    kind: "probe",
    name: expect.outcome === "answered" ? `${who} may ${method} ${path}` : `${who} may not ${method} ${path}`,
    from: client,
    to: client === "host" ? "gateway" : "service",
    method,
    path,
    expect,
  };
}
