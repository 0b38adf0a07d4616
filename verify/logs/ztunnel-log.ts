import type { Connection } from "../report/schema";
import { fieldsOf } from "./fields";

/** One line about a connection in ztunnel's log. */
export interface ConnectionLine {
  level: string;
  /** "opened" lines exist at debug level only. */
  event: "opened" | "complete";
  direction: "inbound" | "outbound";
  /** Fields of the line, such as "src.identity". */
  fields: Readonly<Record<string, string>>;
  /** Why the connection failed; undefined when it did not. */
  error?: string;
  /** The line as it was. */
  text: string;
}

/** Whether a line is about a connection; cheaper than to read it. */
export const isConnectionLine = (text: string): boolean => /\baccess\s+connection (opened|complete)\b/.test(text);

/** Reads a line; undefined when it is not about a connection. */
export function parseConnectionLine(text: string): ConnectionLine | undefined {
  const [, level, event, rest] =
    /\b(trace|debug|info|warn|error)\s+access\s+connection (opened|complete)\b(.*)/.exec(text) ?? [];
  if (!level || !event || rest === undefined) return undefined;
  const fields = fieldsOf(rest);
  const direction = fields.direction;
  if (direction !== "inbound" && direction !== "outbound") return undefined;
  return {
    level,
    event: event === "opened" ? "opened" : "complete",
    direction,
    fields,
    ...(fields.error === undefined ? {} : { error: fields.error }),
    text,
  };
}

/** The direction and the two ends of a logged connection, for the report. */
export function connectionOf({ direction, fields }: ConnectionLine): Connection {
  const peer = (side: "src" | "dst") => {
    const [workload, identity] = [fields[`${side}.workload`], fields[`${side}.identity`]];
    return {
      ...(workload ? { workload } : {}),
      ...(identity ? { identity: identity.replace(/^spiffe:\/\//, "") } : {}),
    };
  };
  return { direction, source: peer("src"), destination: peer("dst") };
}

/** Whether ztunnel, here or at the other end, refused the connection because of a policy. */
export function isPolicyRefusal(line: ConnectionLine): boolean {
  // The source's ztunnel learns of the refusal as the answer to its CONNECT: 401 and nothing else.
  return /policy rejection|explicitly denied|http status: 401/.test(line.error ?? "");
}
