import { randomBytes, randomUUID } from "node:crypto";
import { UsageError } from "../host/errors";
import { at } from "../verify/json";
import type { ClusterClient } from "../verify/lab-client";
import { computeDecision } from "./computed/decide";
import { isProxy, runningPods } from "./computed/objects/pods";
import type { Observation } from "./probe/observe";
import { type ProbePod, probePod, type SentProbe, senderText } from "./probe/pod";
import { type RunOptions, sendProbes } from "./probe/run";
import type { AccessDecision, AccessRequest, Mesh } from "./types";

/** A request that is to be sent. */
export interface Ask {
  request: AccessRequest;
  /** The bearer token of the request. */
  token?: string;
  /** The decision that the configuration implies. @default computed */
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
/** Maximum number of requests of a pod: its command is an argument list, and each request has its own source ports. */
const mostPerPod = 200;
/** Number of requests above which a sender gets several pods, which run concurrently. */
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
 * Sends requests as their senders, and derives the observed decisions, in the order of the requests.
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

/** The requests as lines, for a preview. */
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

interface Right {
  verb: "create" | "delete" | "get" | "list";
  resource: string;
  namespace: string;
}

/** The rights to send requests from namespaces, and to read the logs of the proxies. */
function rightsFor(senders: readonly string[], proxies: readonly string[]): Right[] {
  const pods = senders.flatMap((namespace): Right[] =>
    (["create", "delete", "list"] as const).map((verb) => ({ verb, resource: "pods", namespace })),
  );
  const logs = [...new Set([...senders, ...proxies])].map(
    (namespace): Right => ({ verb: "get", resource: "pods/log", namespace }),
  );
  return [...pods, ...logs];
}

/**
 * Asks the API server whether this user has the rights that a run needs, before anything is created.
 * @throws UsageError that lists the missing ones
 */
export async function requireRights(
  client: ClusterClient,
  { senders, proxies }: { senders: readonly string[]; proxies: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const rights = rightsFor(senders, proxies);
  const answers = await Promise.all(rights.map((right) => isAllowed(client, right, signal)));
  const missing = rights.filter((_right, index) => !answers[index]);
  if (missing.length === 0) return;
  const [first] = missing;
  const said = missing.map(({ verb, resource, namespace }) => `${verb} ${resource} in namespace ${namespace}`);
  throw new UsageError({
    what: `This user of the cluster may not ${said.join(", ")}`,
    why: "Each question is asked by a short-lived pod with the ServiceAccount of its sender, and answered from the logs of the proxies",
    fix: `kubectl create rolebinding ambient-lab-probe --clusterrole=edit --user=USER --namespace ${first?.namespace ?? "NAMESPACE"}   (by an administrator; docs/how-to/prove-your-policies.md lists all rights)`,
  });
}

async function isAllowed(
  client: ClusterClient,
  { verb, resource, namespace }: Right,
  signal: AbortSignal,
): Promise<boolean> {
  const [name, subresource] = resource.split("/");
  const review = {
    ...{ apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview" },
    spec: {
      resourceAttributes: { verb, resource: name, namespace, ...(subresource ? { subresource } : {}) },
    },
  };
  const answer = await client.create(review, signal);
  return at(answer, "status", "allowed") === true;
}
