import { principalOf, serviceAccountOf } from "../../config/vocabulary";
import type { VerifyReport } from "../../verify/report/schema";
import { identitiesOf, isRefused, type JudgedRequest, requestsOf } from "./requests";

/** A hop on the path of a request. */
export interface Hop {
  name: string;
  /** Description below the name. */
  role: string;
  layer: "client" | "gateway" | "ztunnel" | "waypoint" | "app";
  /** Whether the request reached it. */
  reached: boolean;
  /** Whether the evidence has a record of it. Otherwise it follows from the lab's design. */
  recorded: boolean;
  end?: "answered" | "stopped";
}

/** The transport between two hops. */
export interface Leg {
  /** `node`: between a pod and the ztunnel of its own node. */
  transport: "plain" | "TLS" | "HBONE" | "node";
  /** Identity of the sender, such as "sa/appa". */
  identity?: string;
  reached: boolean;
}

/** Requests with the same path and the same result. */
export interface Journey {
  id: string;
  title: string;
  hops: readonly Hop[];
  legs: readonly Leg[];
  /** The result in one line. */
  outcome: string;
  stopped: boolean;
  requests: readonly JudgedRequest[];
}

/** The paths of a run's requests to appb, each once, with its requests. */
export function journeysOf(report: VerifyReport): Journey[] {
  const identities = identitiesOf(report);
  const groups = new Map<string, JudgedRequest[]>();
  for (const request of requestsOf(report).filter(isToAppb))
    groups.set(keyOf(request), [...(groups.get(keyOf(request)) ?? []), request]);
  return [...groups.values()].flatMap((requests, index) => journeyOf(requests, index, identities) ?? []);
}

/** Requests to the Services and pods of modules, which {@link journeysOf} does not contain. */
export const requestsElsewhere = (report: VerifyReport): JudgedRequest[] =>
  requestsOf(report).filter((request) => !isToAppb(request));

const isToAppb = ({ to, target }: JudgedRequest): boolean => to === "gateway" || target === "appb";

function keyOf(request: JudgedRequest): string {
  const { client, address, decision, answer } = request;
  const end = [decision.layer, decision.action, decision.policy, answer];
  return [client, address, isPast(request), ...end].join("|");
}

/** Whether a request bypassed the waypoint: appb answered it or appb's ztunnel refused it, without a record of the waypoint. */
const isPast = ({ client, to, decision, records }: JudgedRequest): boolean =>
  to !== "pod" &&
  client !== "outsider" &&
  records.waypoint !== "found" &&
  records.waypoint !== "unavailable" &&
  (decision.action === "answered" || decision.action === "reset");

function journeyOf(
  requests: readonly JudgedRequest[],
  index: number,
  identities: ReadonlyMap<string, string>,
): Journey | undefined {
  const [first] = requests;
  if (!first) return undefined;
  const stops = stopsOf(first);
  const end = endOf(first, stops);
  const stopped = isRefused(first);
  const hops = stops.map(
    (stop, at): Hop => ({
      ...stop,
      reached: at <= end,
      recorded: at <= end && isRecorded(requests, stop, at, stops.length),
      ...(at === end ? { end: stopped ? ("stopped" as const) : ("answered" as const) } : {}),
    }),
  );
  const legs = legsOf(first, hops, identities);
  const { action, layer } = first.decision;
  const way = isPast(first) ? ", past the waypoint" : "";
  const ending = `${action === "answered" ? "answered by appb" : `${action} by ${layer}`}${way}`;
  return {
    id: `way-${index + 1}`,
    title: `${first.client} → ${first.address}: ${ending}`,
    outcome: outcomeOf(first),
    ...{ hops, legs, stopped, requests },
  };
}

type Stop = Pick<Hop, "name" | "role" | "layer">;

const near: Stop = { name: "ztunnel", role: "L4, caller's node", layer: "ztunnel" };
const far: Stop = { name: "ztunnel", role: "L4, appb's node", layer: "ztunnel" };

function stopsOf(request: JudgedRequest): Stop[] {
  const { client, to } = request;
  const caller: Stop = { name: client, role: client === "you" ? "this machine" : "pod", layer: "client" };
  const app: Stop = { name: "appb", role: "pod", layer: "app" };
  const waypoint: Stop = { name: "waypoint", role: "L7, Envoy", layer: "waypoint" };
  const gateway: Stop = { name: "gateway", role: "L7, Envoy", layer: "gateway" };
  const meant = request.records.waypoint === "found" || (to !== "pod" && client !== "outsider" && !isPast(request));
  const middle = meant ? [waypoint] : [];
  if (to === "gateway") return [caller, gateway, ...middle, far, app];
  return client === "outsider" ? [caller, ...middle, far, app] : [caller, near, ...middle, far, app];
}

/** Index of the hop that decided the result of the request. */
function endOf({ decision }: JudgedRequest, stops: readonly Stop[]): number {
  if (decision.action === "answered") return stops.length - 1;
  const at: readonly string[] = stops.map(({ layer }) => layer);
  const inbound = decision.connection?.direction === "inbound";
  const found = decision.layer === "ztunnel" && inbound ? at.lastIndexOf("ztunnel") : at.indexOf(decision.layer);
  return found < 0 ? stops.length - 1 : found;
}

/** A record of one request counts for the whole group, whose requests differ only in method and path. */
function isRecorded(requests: readonly JudgedRequest[], stop: Stop, at: number, count: number): boolean {
  return requests.some((request) => {
    if (stop.layer === "client") return true;
    if (stop.layer === "app") return request.decision.layer === "app";
    if (stop.layer !== "ztunnel") return request.records[stop.layer] === "found";
    if (at < count - 2) return request.connections.some(({ direction }) => direction === "outbound");
    // Refusals are found by workload: other inbound connections may belong to other requests.
    return request.decision.connection?.direction === "inbound";
  });
}

function legsOf(request: JudgedRequest, hops: readonly Hop[], identities: ReadonlyMap<string, string>): Leg[] {
  const shown = (workload: string, fallback?: string) => {
    const identity = identities.get(workload) ?? fallback;
    return identity === undefined ? {} : { identity: identity.replace(/^.*\/(sa\/)/, "$1") };
  };
  const by = (hop: Hop, at: number) => {
    if (hop.layer === "gateway") return shown("gateway-istio", principalOf(serviceAccountOf("gateway")));
    if (hop.layer === "waypoint") return shown("waypoint", principalOf("waypoint"));
    return at > 0 && hop.layer === "ztunnel" ? shown(request.client) : {};
  };
  return hops.slice(1).flatMap((hop, index): Leg[] => {
    const from = hops[index];
    if (!from) return [];
    if (hop.layer === "app") return [{ transport: "node", reached: hop.reached }];
    // The ztunnel of the node handles the connections of a pod in the mesh. A client outside has no ztunnel and no identity.
    if (from.layer === "client") {
      const outside = request.url.startsWith("https:") ? "TLS" : "plain";
      return [{ transport: hop.role === near.role ? "node" : outside, reached: hop.reached }];
    }
    return [{ transport: "HBONE", ...by(from, index), reached: hop.reached }];
  });
}

function outcomeOf({ answer, decision }: JudgedRequest): string {
  const policy = decision.policy ? ` · ${decision.policy}` : "";
  return decision.action === "answered" ? answer : `${answer}${policy}`;
}
