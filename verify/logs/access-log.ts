import { numberAt, textAt } from "../json";
import { fieldsOf, jsonOf } from "./fields";

/** What a proxy wrote of one request. */
export interface AccessLine {
  method: string;
  path: string;
  status: number;
  /** Response flags of Envoy, such as "DI" or "NR", or agentgateway's reason, such as "Timeout"; "-" for none. */
  flags: string;
  /** Response code details, such as "via_upstream" or "rbac_access_denied_matched_policy[none]". */
  details: string;
  durationMs: number;
  requestId: string;
  authority: string;
  /** Address of the chosen endpoint; "-" when none was. */
  upstreamHost: string;
  upstreamCluster: string;
  /** The line as it was. */
  text: string;
}

const envoyBegin = /\[\d{4}-\d\d-\d\dT[^\]]*\] "/;

const agentgatewayBegin = /\binfo\s+request gateway=/;

/** Whether a line is one of the access log of agentgateway, in its default text format. */
const isAgentgatewayLine = (text: string): boolean => agentgatewayBegin.test(text);

const isJsonLine = (text: string): boolean => text.includes('"response_code_details":');

/** Reads a line of either proxy; undefined when it is no access line (a proxy's own messages share the stream). */
export function parseAccessLine(text: string): AccessLine | undefined {
  if (isAgentgatewayLine(text)) return parseAgentgatewayLine(text);
  return isJsonLine(text) ? parseJsonLine(text) : parseEnvoyLine(text);
}

/** Reads a line of Envoy in Istio's JSON format (meshConfig.accessLogEncoding); undefined when it is none. */
function parseJsonLine(text: string): AccessLine | undefined {
  const fields = jsonOf(text);
  // What Envoy has no value for is null.
  const field = (name: string) => textAt(fields, name) ?? "-";
  const status = numberAt(fields, "response_code");
  if (status === undefined || field("method") === "-" || field("path") === "-") return undefined;
  return {
    ...{ method: field("method"), path: field("path"), status, text },
    ...{ flags: field("response_flags"), details: field("response_code_details") },
    durationMs: numberAt(fields, "duration") ?? Number.NaN,
    ...{ requestId: field("request_id"), authority: field("authority") },
    ...{ upstreamHost: field("upstream_host"), upstreamCluster: field("upstream_cluster") },
  };
}

/** Reads a line of Envoy's access log; undefined when it is none. */
function parseEnvoyLine(text: string): AccessLine | undefined {
  const start = text.search(envoyBegin);
  if (start < 0) return undefined;
  const fields = splitFields(text.slice(start));
  const [, request = "", status, flags, details, , , , , duration] = fields;
  const [method, path] = request.split(" ");
  if (!method || !path || !isStatus(status) || flags === undefined || !/^\d+$/.test(duration ?? "")) return undefined;
  return {
    method,
    path,
    status: Number(status),
    flags,
    details: details ?? "-",
    durationMs: Number(duration),
    requestId: fields[13] ?? "-",
    authority: fields[14] ?? "-",
    upstreamHost: fields[15] ?? "-",
    upstreamCluster: fields[16] ?? "-",
    text,
  };
}

/** Whether a field is a status: 0 stands for a request without an answer. */
const isStatus = (text: string | undefined): text is string => /^\d{1,3}$/.test(text ?? "");

/** Fields are separated by blanks; quotes and the brackets of the time stamp hold blanks together. */
function splitFields(line: string): string[] {
  const [stamp = ""] = /^\[[^\]]*\]/.exec(line) ?? [];
  const rest = line.slice(stamp.length);
  return [stamp, ...[...rest.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([whole, quoted]) => quoted ?? whole)];
}

/** Reads a line of agentgateway's access log; undefined when it is none. A request that no endpoint got has no field `endpoint`. */
function parseAgentgatewayLine(text: string): AccessLine | undefined {
  const start = text.search(agentgatewayBegin);
  if (start < 0) return undefined;
  const fields = fieldsOf(text.slice(start));
  const { "http.method": method, "http.path": path, "http.status": status, error, endpoint } = fields;
  const [, durationMs] = /^(\d+)ms$/.exec(fields.duration ?? "") ?? [];
  if (!method || !path || !isStatus(status) || durationMs === undefined) return undefined;
  return {
    method,
    path,
    status: Number(status),
    flags: fields.reason ?? "-",
    details: error ?? (endpoint ? "via_upstream" : "direct_response"),
    durationMs: Number(durationMs),
    // It writes none; the lab's own stands in the path.
    requestId: "-",
    authority: fields["http.host"] ?? "-",
    upstreamHost: endpoint ?? "-",
    upstreamCluster: fields.route ?? "-",
    text,
  };
}
