import type { AccessLine } from "./access-line";

const begin = /\[\d{4}-\d\d-\d\dT[^\]]*\] "/;

/** Whether a line is one of the access log of Envoy, in Istio's default text format. */
export const isEnvoyLine = (text: string): boolean => begin.test(text);

/** Reads such a line; undefined when it is none. */
export function parseEnvoyLine(text: string): AccessLine | undefined {
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
