import { numberAt, textAt } from "../json";
import { fieldsOf, jsonOf } from "./fields";

/** A line of the access log of a gateway or waypoint. */
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
  /** Address of the selected endpoint; "-" without one. */
  upstreamHost: string;
  upstreamCluster: string;
  /** The unparsed line. */
  text: string;
}

const envoyBegin = /\[\d{4}-\d\d-\d\dT[^\]]*\] "/;

/** The access log of agentgateway in its default text format. */
const agentgatewayBegin = /\binfo\s+request gateway=/;

/** Reads a line of Envoy or of agentgateway; undefined for any other line: a proxy writes its own messages to the same stream. */
export function parseAccessLine(text: string): AccessLine | undefined {
  if (agentgatewayBegin.test(text)) return parseAgentgatewayLine(text);
  return text.includes('"response_code_details":') ? parseJsonLine(text) : parseEnvoyLine(text);
}

/** Reads a line of Envoy in Istio's JSON format (meshConfig.accessLogEncoding). */
function parseJsonLine(text: string): AccessLine | undefined {
  const fields = jsonOf(text);
  // A field without a value is null.
  const field = (name: string) => textAt(fields, name) ?? "-";
  const [status, durationMs] = [numberAt(fields, "response_code"), numberAt(fields, "duration")];
  if (status === undefined || !isStatus(String(status)) || durationMs === undefined) return undefined;
  if (field("method") === "-" || field("path") === "-") return undefined;
  return {
    ...{ method: field("method"), path: field("path"), status, text },
    ...{ flags: field("response_flags"), details: field("response_code_details") },
    durationMs,
    ...{ requestId: field("request_id"), authority: field("authority") },
    ...{ upstreamHost: field("upstream_host"), upstreamCluster: field("upstream_cluster") },
  };
}

/** Reads a line of Envoy in Istio's text format. */
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

/** Whether a field is an HTTP status; 0 stands for a request without an answer. */
const isStatus = (text: string | undefined): text is string => /^\d{1,3}$/.test(text ?? "");

/** Fields are separated by blanks; quotes and the brackets of the time stamp hold blanks together. */
function splitFields(line: string): string[] {
  const [stamp = ""] = /^\[[^\]]*\]/.exec(line) ?? [];
  const rest = line.slice(stamp.length);
  return [stamp, ...[...rest.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([whole, quoted]) => quoted ?? whole)];
}

/** Reads a line of agentgateway. A request that was sent to no endpoint has no field `endpoint`. */
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
    // agentgateway logs no request id; the path has the id of the lab.
    requestId: "-",
    authority: fields["http.host"] ?? "-",
    upstreamHost: endpoint ?? "-",
    upstreamCluster: fields.route ?? "-",
    text,
  };
}
