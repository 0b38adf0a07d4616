/** The kinds of findings, the most severe first. */
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

/** A weakness of the configuration. */
export interface ConfigurationFinding {
  id: FindingId;
  /** The object of the finding, such as "AuthorizationPolicy default/appb-l7". */
  object: string;
  /** The weakness, as a sentence without a full stop. */
  what: string;
  /** Its effect, as a sentence without a full stop. */
  why: string;
  /** A command for kubectl or istioctl that removes it. */
  fix: string;
}

/** At most three names, and the number of further ones. */
export const shortList = (names: readonly string[], more = "more"): string =>
  names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} ${more}` : names.join(", ");
