import type { AccessLine } from "./access-line";
import { isAgentgatewayLine, parseAgentgatewayLine } from "./agentgateway-log";
import { isEnvoyLine, parseEnvoyLine } from "./envoy-log";

/** Whether a line is an access line; cheaper than to read it. */
export const isAccessLine = (text: string): boolean => isEnvoyLine(text) || isAgentgatewayLine(text);

/** Reads a line of either proxy; undefined when it is no access line (a proxy's own messages share the stream). */
export const parseAccessLine = (text: string): AccessLine | undefined =>
  isAgentgatewayLine(text) ? parseAgentgatewayLine(text) : parseEnvoyLine(text);
