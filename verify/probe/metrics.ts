import { appbHost } from "../../experiments/names";

/** One series of the Prometheus text format. */
export interface Series {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** Reads the Prometheus text format; comments and what cannot be read are left out. */
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
  /** Which counters they come from. */
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

/** Istio's Envoy may leave result and prefix in the name; stock Envoy has them as labels. Dry-run counters are not ours. */
function rbacResult({ name, labels }: Series): string | undefined {
  if (name === "envoy_http_rbac") {
    return labels.http_conn_manager_prefix?.startsWith("inbound") ? labels.authz_enforce_result : undefined;
  }
  return /^envoy_http_inbound_.*_rbac_(allowed|denied)$/.exec(name)?.[1];
}

const total = (series: readonly Series[]): number => series.reduce((sum, { value }) => sum + value, 0);
