/** One line of the access log of Envoy, in Istio's default text format. */
export interface AccessLine {
  method: string;
  path: string;
  status: number;
  /** Response flags, such as "DI" or "NR"; "-" for none. */
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

const begin = /\[\d{4}-\d\d-\d\dT[^\]]*\] "/;

/** Whether a line is an access line; cheaper than to read it. */
export const isAccessLine = (text: string): boolean => begin.test(text);

/** Reads a line; undefined when it is not an access line (Envoy's own messages share the stream). */
export function parseAccessLine(text: string): AccessLine | undefined {
  const start = text.search(begin);
  if (start < 0) return undefined;
  const fields = splitFields(text.slice(start));
  const [, request = "", status, flags, details, , , , , duration] = fields;
  const [method, path] = request.split(" ");
  if (!method || !path || status === undefined || flags === undefined) return undefined;
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

/** Fields are separated by blanks; quotes and the brackets of the time stamp hold blanks together. */
function splitFields(line: string): string[] {
  const [stamp = ""] = /^\[[^\]]*\]/.exec(line) ?? [];
  const rest = line.slice(stamp.length);
  return [stamp, ...[...rest.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([whole, quoted]) => quoted ?? whole)];
}
