import { randomBytes, randomUUID } from "node:crypto";
import { UsageError } from "../host/errors";
import { computeDecision } from "./computed/decide";
import { isProxy, runningPods } from "./computed/objects/pods";
import type { Observation } from "./probe/observe";
import { requireRights } from "./probe/permissions";
import { type ProbePod, probePod, type SentProbe, senderText } from "./probe/pod";
import { type RunOptions, sendProbes } from "./probe/run";
import type { AccessDecision, AccessRequest, Mesh } from "./types";

/** A request that is to be sent. */
export interface Ask {
  request: AccessRequest;
  /** The bearer token of the request. */
  token?: string;
  /** What the configuration says about it. @default computed */
  computed?: AccessDecision;
}

/** Limits of the load on the mesh. */
export interface Limits {
  /** Image of the probe pods; it has curl. */
  image: string;
  /** Requests a second, of all probe pods together. */
  rate: number;
  /** Requests of a run at most. */
  maxRequests: number;
}

/** Probe pods that exist at one time. */
const concurrentPods = 6;
/** Requests that one pod sends at most: its command is an argument list, and each request has ports of its own. */
const mostPerPod = 200;
/** Requests from which a sender gets several pods, which send side by side. */
const leastPerPod = 20;

/**
 * Refuses more requests than the limit.
 * @throws UsageError
 */
export function requireWithin(count: number, { maxRequests }: Pick<Limits, "maxRequests">): void {
  if (count <= maxRequests) return;
  throw new UsageError({
    what: `${count} requests would be sent, and the limit is ${maxRequests}`,
    why: "Every request reaches an application of the cluster",
    fix: `Add --max-requests ${count}, or choose fewer namespaces or Services`,
  });
}

/**
 * Sends requests as their senders, and derives what the mesh did with each. The observations are in the order of the requests.
 * @throws UsageError when the user of the cluster may not do so
 */
export async function ask(
  asks: readonly Ask[],
  limits: Limits,
  options: Omit<RunOptions, "concurrency">,
): Promise<Observation[]> {
  const { client, mesh, signal } = options;
  const probes = asks.map(
    ({ request, token, computed = computeDecision(mesh, request) }): SentProbe => ({
      ...{ id: randomUUID(), request, computed },
      ...(token === undefined ? {} : { token }),
    }),
  );
  const pods = podsFor(mesh, probes, limits);
  const proxies = runningPods(mesh).filter((pod) => isProxy(pod) || pod.metadata?.labels?.app === "ztunnel");
  await requireRights(
    client,
    {
      senders: [...new Set(pods.map(({ name }) => name.namespace))],
      proxies: [...new Set(proxies.map(({ metadata }) => metadata?.namespace ?? ""))],
    },
    signal,
  );
  const observations = await sendProbes(pods, { ...options, concurrency: concurrentPods });
  const byId = new Map(observations.map((each) => [each.probe.id, each]));
  return probes.flatMap(({ id }) => byId.get(id) ?? []);
}

/** The pods of all senders. */
function podsFor(mesh: Mesh, probes: readonly SentProbe[], { image, rate }: Limits): ProbePod[] {
  const run = randomBytes(4).toString("hex");
  const bySender = new Map<string, SentProbe[]>();
  for (const probe of probes) {
    const sender = JSON.stringify(probe.request.from);
    bySender.set(sender, [...(bySender.get(sender) ?? []), probe]);
  }
  const groups = [...bySender.values()].flatMap((group) => {
    const perPod = Math.min(mostPerPod, Math.max(leastPerPod, Math.ceil(group.length / concurrentPods)));
    return Array.from({ length: Math.ceil(group.length / perPod) }, (_, index) =>
      group.slice(index * perPod, (index + 1) * perPod),
    );
  });
  const each = Math.max(1, Math.floor(rate / Math.min(concurrentPods, groups.length || 1)));
  return groups.flatMap((group, index) => {
    const [first] = group;
    return first ? [probePod(mesh, first.request.from, group, index, { image, rate: each, run })] : [];
  });
}

/** The requests as lines, for a look before they are sent. */
export const plannedLines = (asks: readonly Ask[]): string[] =>
  asks.map(({ request, token }) => {
    const { from, to, method, host, path, headers } = request;
    const where =
      to.kind === "service"
        ? `${to.service.namespace}/${to.service.name}:${to.port}`
        : `pod ${to.pod.namespace}/${to.pod.name}:${to.port}`;
    const more = [
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      ...(token === undefined ? [] : ["a bearer token"]),
    ];
    return `${senderText(from)}  ${method} ${host}${path}  to ${where}${more.length > 0 ? `  with ${more.join(", ")}` : ""}`;
  });
