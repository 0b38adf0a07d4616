import type { LabSettings } from "../config/schema";
import { type Method, methods } from "../config/vocabulary";
import { callerOf } from "./names";
import type { Client, LabObject, ServiceName } from "./slices";
import type { Expectation, Probe } from "./types";

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

/** The application answers, and each of these proxies has a record of the request. */
export const answered = (...through: ("gateway" | "waypoint")[]): Expectation => ({ outcome: "answered", through });

/** The waypoint answers 403 because of a policy. */
export const refused = (policy: LabObject): Expectation => ({
  ...{ outcome: "refused", by: "waypoint", status: 403, policy },
});

/** ztunnel resets the connection because of a policy. */
export const reset = (policy: LabObject): Expectation => ({ outcome: "reset", by: "ztunnel", policy });

/** A request to a Service. @param path by default the path on which httpbin answers all methods */
export const ask = (
  from: Client,
  method: Method,
  service: ServiceName,
  name: string,
  expect: Expectation,
  path = "/anything",
): Probe => ({ kind: "probe", name, from, to: "service", service, method, path, expect });

/** Two requests to another Service of appb with the same policy: an allowed one and a refused one. */
export function serviceProbes(settings: LabSettings, service: ServiceName, policy: LabObject): Probe[] {
  const from = inMeshClient(settings) ?? "appa";
  const probe = (method: Method, may: string, expect: Expectation): Probe =>
    ask(from, method, service, `${from} ${may} ${method} ${service}`, expect, pathFor(method));
  const forbidden = forbiddenMethod(settings);
  return [
    probe(usualMethod(settings), "may", answered("waypoint")),
    ...(forbidden ? [probe(forbidden, "may not", refused(policy))] : []),
  ];
}

function isAllowed(settings: LabSettings, client: Client): boolean {
  const caller = callerOf(client);
  return caller !== undefined && settings.allowedCallers.includes(caller);
}

/** A path without the fault; undefined when the fault applies to all paths. */
export const controlPath = (settings: LabSettings, method: Method): string | undefined =>
  [pathFor(method), "/anything", "/status/200"].find((path) => !path.startsWith(settings.faultPath));

/** A client in the names of steps: requests of this machine come from the gateway. */
export const nameOf = (client: Client): string => (client === "host" ? "the gateway" : client);

/** The expected result of a request to appb through the waypoint. */
export function outcomeAtWaypoint(settings: LabSettings, client: Client, method: Method): Expectation {
  if (!isAllowed(settings, client) || !settings.allowedMethods.includes(method))
    return refused("AuthorizationPolicy/appb-l7");
  return client === "host" ? answered("gateway", "waypoint") : answered("waypoint");
}

/** A request to appb through the waypoint, with the result that the settings imply. */
export function request(settings: LabSettings, client: Client, method: Method, path = pathFor(method)): Probe {
  const expect = outcomeAtWaypoint(settings, client, method);
  const name = `${nameOf(client)} ${expect.outcome === "answered" ? "may" : "may not"} ${method} ${path}`;
  return { kind: "probe", name, from: client, to: client === "host" ? "gateway" : "service", method, path, expect };
}
