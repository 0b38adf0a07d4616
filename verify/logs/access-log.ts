import { isAgentgatewayLine, parseAgentgatewayLine } from "./agentgateway-log";
import { isEnvoyLine, parseEnvoyLine } from "./envoy-log";

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

/** Whether a line is an access line; cheaper than to read it. */
export const isAccessLine = (text: string): boolean => isEnvoyLine(text) || isAgentgatewayLine(text);

/** Reads a line of either proxy; undefined when it is no access line (a proxy's own messages share the stream). */
export const parseAccessLine = (text: string): AccessLine | undefined =>
  isAgentgatewayLine(text) ? parseAgentgatewayLine(text) : parseEnvoyLine(text);
