import type { AccessLine } from "./access-line";
import { fieldsOf } from "./fields";

const begin = /\binfo\s+request gateway=/;

/** Whether a line is one of the access log of agentgateway, in its default text format. */
export const isAgentgatewayLine = (text: string): boolean => begin.test(text);

/** Reads such a line; undefined when it is none. A request that no endpoint got has no field `endpoint`. */
export function parseAgentgatewayLine(text: string): AccessLine | undefined {
  const start = text.search(begin);
  if (start < 0) return undefined;
  const fields = fieldsOf(text.slice(start));
  const { "http.method": method, "http.path": path, "http.status": status, error, endpoint } = fields;
  if (!method || !path || status === undefined) return undefined;
  return {
    method,
    path,
    status: Number(status),
    flags: fields.reason ?? "-",
    details: error ?? (endpoint ? "via_upstream" : "direct_response"),
    durationMs: Number.parseFloat(fields.duration ?? ""),
    // It writes none; the lab's own stands in the path.
    requestId: "-",
    authority: fields["http.host"] ?? "-",
    upstreamHost: endpoint ?? "-",
    upstreamCluster: fields.route ?? "-",
    text,
  };
}
