/** An address and a port, in the format of Go, Rust and Envoy. */
export const socket = (ip: string | undefined, port: number | string): string =>
  `${ip?.includes(":") ? `[${ip}]` : ip}:${port}`;

/** The fields of an access log line. */
export interface AccessFields {
  stamp: string;
  method: string;
  path: string;
  status: number;
  flags: string;
  details: string;
  durationMs: number;
  id: string;
  authority: string;
  upstream: string;
  cluster: string;
}

/** A line of Istio's default access log format (pilot/pkg/model/telemetry_logging.go, EnvoyTextLogFormat). */
export const accessLine = (f: AccessFields): string =>
  `[${f.stamp}] "${f.method} ${f.path} HTTP/1.1" ${f.status} ${f.flags} ${f.details} - "-" 0 19 ${f.durationMs} - "-" "curl/8.14.1" "${f.id}" "${f.authority}" "${f.upstream}" ${f.cluster} - 10.96.65.30:8000 10.244.2.5:41000 - default`;

/** The same line in Istio's JSON format (pilot/pkg/model/telemetry_logging.go, EnvoyJSONLogFormatIstio); Envoy writes null for "-". */
export function jsonAccessLine(f: AccessFields): string {
  const value = (text: string) => (text === "-" ? null : text);
  return JSON.stringify({
    ...{ authority: f.authority, bytes_received: 0, bytes_sent: 19, connection_termination_details: null },
    ...{ downstream_local_address: "10.96.65.30:8000", downstream_remote_address: "10.244.2.5:41000" },
    ...{ duration: f.durationMs, method: f.method, path: f.path, protocol: "HTTP/1.1", request_id: f.id },
    ...{ requested_server_name: null, response_code: f.status, response_code_details: value(f.details) },
    ...{ response_flags: f.flags, route_name: "default", start_time: f.stamp, upstream_cluster: value(f.cluster) },
    ...{ upstream_host: value(f.upstream), upstream_local_address: null, upstream_service_time: null },
    ...{ upstream_transport_failure_reason: null, user_agent: "curl/8.14.1", x_forwarded_for: null },
  });
}

/** A line of httpbin's log, as recorded from a real one. */
export const appLine = (stamp: string, { method, path }: { method: string; path: string }): string =>
  `time=${stamp} level=INFO msg="200 ${method} ${path} 0.5ms" status=200 method=${method} uri="${path}" size_bytes=491`;

/** The fields of ztunnel's log line about a connection. */
export interface ConnectionFields {
  stamp: string;
  direction: "inbound" | "outbound";
  from: { workload: string; address: string; principal?: string };
  to: { workload: string; address: string; principal?: string };
  /** Address inside the HBONE tunnel. */
  inner?: string;
  error?: string;
  /** Service of the request. @default "appb" */
  service?: string;
  /** Whether the line is about the start of the connection. */
  opened?: true;
}

/** A line of ztunnel as JSON (ztunnel, src/telemetry.rs, IstioJsonFormat): the same fields, the message first. */
export function jsonConnectionLine(fields: ConnectionFields): string {
  const [head = "", ...rest] = connectionLine(fields)
    .split("\t")
    .filter((part) => part !== "access");
  const pairs = [...(rest.at(-1) ?? "").matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)];
  const entries = pairs.map(([, key = "", quoted, bare]) => [key, quoted ?? bare]);
  return JSON.stringify({
    ...{ level: rest[0], time: head, scope: "access", message: rest[1] },
    ...Object.fromEntries(entries),
  });
}

/**
 * A line of ztunnel's log (src/proxy/metrics.rs, access_log, at 1.31): tabs before and after the message, and spaces between
 * the fields. Before 1.31 there were no src.cluster and dst.cluster.
 */
export function connectionLine(fields: ConnectionFields): string {
  const { stamp, direction, from, to, inner, error, opened, service = "appb" } = fields;
  const level = error ? "error" : opened ? "debug" : "info";
  const identity = (end: "src" | "dst", principal: string | undefined) =>
    principal ? ` ${end}.identity="spiffe://${principal}"` : "";
  return [
    `${stamp}\t${level}\taccess\tconnection ${opened ? "opened" : "complete"}`,
    `\tsrc.addr=${from.address} src.workload="${from.workload}" src.namespace="default"${identity("src", from.principal)} src.cluster="Kubernetes"`,
    ` dst.addr=${to.address}${inner ? ` dst.hbone_addr=${inner}` : ""} dst.service="${service}.default.svc.cluster.local"`,
    ` dst.workload="${to.workload}" dst.namespace="default"${identity("dst", to.principal)} dst.cluster="Kubernetes"`,
    ` direction="${direction}"${opened ? "" : ' bytes_sent=76 bytes_recv=437 duration="10ms"'}${error ? ` error="${error}"` : ""}`,
  ].join("");
}

/** Error message of ztunnel when no ALLOW policy matches. */
export const refusedByPolicy = "connection closed due to policy rejection: allow policies exist, but none allowed";
