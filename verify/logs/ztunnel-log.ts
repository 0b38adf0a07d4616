import { entriesAt } from "../json";
import type { Connection } from "../report/schema";
import { fieldsOf, jsonOf } from "./fields";

/** One line about a connection in ztunnel's log. */
export interface ConnectionLine {
  level: string;
  /** "opened" lines exist at debug level only. */
  event: "opened" | "complete";
  direction: "inbound" | "outbound";
  /** Fields of the line, such as "src.identity". */
  fields: Readonly<Record<string, string>>;
  /** Why the connection failed; absent when it did not. */
  error?: string;
  /** The unparsed line. */
  text: string;
}

const inText = /\b(trace|debug|info|warn|error)\s+access\s+connection (opened|complete)\b(.*)/;
const inJson = /"scope":"access".*"message":"connection (?:opened|complete)"/;

/** Reads a line, as text or as JSON (ztunnel's LOG_FORMAT); undefined for lines that are not about a connection. */
export function parseConnectionLine(text: string): ConnectionLine | undefined {
  const read = inJson.test(text) ? jsonLine(text) : textLine(text);
  if (!read) return undefined;
  const { level, event, fields } = read;
  const { direction, error } = fields;
  if (direction !== "inbound" && direction !== "outbound") return undefined;
  return {
    level,
    event: event === "opened" ? "opened" : "complete",
    direction,
    fields,
    ...(error === undefined ? {} : { error }),
    text,
  };
}

type RawLine = Pick<ConnectionLine, "level" | "fields"> & { event: string };

function textLine(text: string): RawLine | undefined {
  const [, level, event, rest] = inText.exec(text) ?? [];
  return level && event && rest !== undefined ? { level, event, fields: fieldsOf(rest) } : undefined;
}

function jsonLine(text: string): RawLine | undefined {
  const entries = entriesAt(jsonOf(text)).map(([key, value]): [string, string] => [key, String(value)]);
  const { level, message, ...fields } = Object.fromEntries(entries);
  return level && message ? { level, event: message.replace("connection ", ""), fields } : undefined;
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

/** Whether the ztunnel of the source or of the destination refused the connection because of a policy. */
export function isPolicyRefusal(line: ConnectionLine): boolean {
  // The ztunnel of the source logs the answer to its CONNECT request: 401.
  return /policy rejection|explicitly denied|http status: 401/.test(line.error ?? "");
}

/** The policy that denied a connection, as ztunnel logs it. */
export function policyNamedBy({ error = "" }: ConnectionLine): { namespace?: string; name: string } | undefined {
  const [, namespace, name] = /explicitly denied by: (?:([\w.-]+)\/)?([\w.-]+)/.exec(error) ?? [];
  return name === undefined ? undefined : { name, ...(namespace ? { namespace } : {}) };
}
