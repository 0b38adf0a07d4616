import { ports } from "../../config/vocabulary";
import { appbHost } from "../../experiments/names";
import type { VerifyContext } from "../context";
import { unobservable } from "../precondition-error";

/** One series of the Prometheus text format. */
export interface Series {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** Reads the Prometheus text format. Comments and malformed lines are left out. */
export function parseMetrics(text: string): Series[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels, value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line) ?? [];
    if (!name || value === undefined || line.startsWith("#") || Number.isNaN(Number(value))) return [];
    return [{ name, labels: parseLabels(labels ?? ""), value: Number(value) }];
  });
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key, value]),
  );
}

/** Requests to appb as a waypoint counts them. */
export interface WaypointCounts {
  allowed: number;
  denied: number;
  /** The counters that were read. */
  source: "envoy_http_rbac" | "istio_requests_total";
}

/** The waypoint's counts; undefined when it exposes none of the counters. */
export function waypointCounts(series: readonly Series[]): WaypointCounts | undefined {
  const rbac = series.filter((item) => rbacResult(item) !== undefined);
  if (rbac.length > 0) {
    const sum = (result: string) => total(rbac.filter((item) => rbacResult(item) === result));
    return { allowed: sum("allowed"), denied: sum("denied"), source: "envoy_http_rbac" };
  }
  const requests = series.filter(
    ({ name, labels }) =>
      name === "istio_requests_total" && labels.reporter === "waypoint" && labels.destination_service === appbHost,
  );
  if (requests.length === 0) return undefined;
  const denied = total(requests.filter(({ labels }) => labels.response_code === "403"));
  return { allowed: total(requests) - denied, denied, source: "istio_requests_total" };
}

/** Istio's Envoy may leave result and prefix in the name; stock Envoy has them as labels. Counters of dry runs are left out. */
function rbacResult({ name, labels }: Series): string | undefined {
  if (name === "envoy_http_rbac") {
    return labels.http_conn_manager_prefix?.startsWith("inbound") ? labels.authz_enforce_result : undefined;
  }
  return /^envoy_http_inbound_.*_rbac_(allowed|denied)$/.exec(name)?.[1];
}

const total = (series: readonly Series[]): number => series.reduce((sum, { value }) => sum + value, 0);

/**
 * Metrics of each pod of the waypoint.
 * @throws PreconditionError when a pod does not answer with its metrics
 */
export async function waypointMetrics(context: VerifyContext): Promise<Series[][]> {
  const pods = await context.podFinder.all("waypoint", context.signal);
  return Promise.all(
    pods.map(async (pod) => {
      const answer = await context.lab.podGet(pod, ports.metrics, "/stats/prometheus", context.signal);
      if (answer.status === 200) return parseMetrics(answer.body);
      throw unobservable("waypoint", `${pod.name} answers ${answer.status} to a request for its metrics`);
    }),
  );
}

/** The counters of the waypoint, summed over its pods; undefined when it exposes none. */
export async function readCounts(context: VerifyContext): Promise<WaypointCounts | undefined> {
  const counts = (await waypointMetrics(context)).flatMap((series) => waypointCounts(series) ?? []);
  const [first] = counts;
  const sum = (key: "allowed" | "denied") => counts.reduce((all, each) => all + each[key], 0);
  return first && { allowed: sum("allowed"), denied: sum("denied"), source: first.source };
}

/** The growth of the counters. Counters that did not exist before began at 0. */
export const growth = (
  before: WaypointCounts | undefined,
  after: WaypointCounts | undefined,
): WaypointCounts | undefined =>
  after && {
    allowed: after.allowed - (before?.allowed ?? 0),
    denied: after.denied - (before?.denied ?? 0),
    source: after.source,
  };
