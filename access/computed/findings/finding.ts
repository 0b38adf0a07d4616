/** What a finding of the configuration is about, in the order of their weight. */
export const findingIds = [
  "http-at-ztunnel",
  "action-at-ztunnel",
  "bound-to-nothing",
  "unknown-provider",
  "agentgateway-policies",
  "gateway-skips-waypoint",
  "around-the-waypoint",
  "unguarded-route",
  "plain-text",
  "dry-run",
] as const;
export type FindingId = (typeof findingIds)[number];

/** A weakness that the configuration alone shows. */
export interface ConfigurationFinding {
  id: FindingId;
  /** The object to look at, such as "AuthorizationPolicy default/appb-l7". */
  object: string;
  /** What is the case, as a sentence without a full stop. */
  what: string;
  /** Why that matters, as a sentence without a full stop. */
  why: string;
  /** A command for kubectl or istioctl that ends it. */
  fix: string;
}
