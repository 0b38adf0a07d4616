/** A line of a proxy's access log: one request. */
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
  /** The unparsed line. */
  text: string;
}
