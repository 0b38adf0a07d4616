import { at, entriesAt, listAt, textAt, textsAt } from "../../../verify/json";
import type { Mesh } from "../../types";
import { type MeshProxy, policiesAt } from "../objects/binding";
import { titleOf } from "../objects/mesh-objects";
import type { SeenHttp } from "./seen";

/** The result of verifying the bearer token of a request at a proxy. */
export type TokenVerdict =
  /** `http` has the verified claims, and the token as far as the proxy sends it on. */
  { is: "passed"; http: SeenHttp; forwarded: SeenHttp } | { is: "denied"; policy?: string; because: string };

/**
 * RequestAuthentications of a proxy (istio 1.31, pilot/pkg/security/authn/policy_applier.go: convertToEnvoyJwtConfig). A request without a
 * token passes; one whose token no rule verifies is denied. A token is taken as signed by its issuer and within its time.
 */
export function tokenVerdict(mesh: Mesh, proxy: MeshProxy, http: SeenHttp): TokenVerdict {
  const { token } = http;
  const policies = policiesAt(mesh, "RequestAuthentication", proxy);
  const rules = policies
    .flatMap((policy) => listAt(policy, "spec", "jwtRules").map((rule) => ({ policy, rule })))
    .filter(({ rule }) => readsBearer(rule));
  if (!token || rules.length === 0) return { is: "passed", http, forwarded: http };
  const issuer = textAt(token, "iss") ?? "";
  const ofIssuer = rules.filter(({ rule }) => textAt(rule, "issuer") === issuer);
  const fitting = ofIssuer.find(({ rule }) => isFor(textsAt(rule, "audiences"), at(token, "aud")));
  if (!fitting) {
    const [only] = policies;
    return {
      is: "denied",
      ...(only && policies.length === 1 ? { policy: titleOf(only) } : {}),
      because: `${policies.map(titleOf).join(", ")} refuses a token of issuer ${issuer} at the ${proxy.kind}: ${
        ofIssuer.length === 0 ? "the issuer is not configured" : "the audience is not allowed"
      }`,
    };
  }
  const { token: _, ...bare } = http;
  return {
    is: "passed",
    http: { ...http, claims: withLists(token, textsAt(fitting.rule, "spaceDelimitedClaims")) },
    // Envoy removes a verified token from the request, unless `forwardOriginalToken` is set.
    forwarded: at(fitting.rule, "forwardOriginalToken") === true ? http : bare,
  };
}

/** Whether a rule reads the token from `Authorization: Bearer`, as by default. */
function readsBearer(rule: unknown): boolean {
  const places = ["fromHeaders", "fromParams", "fromCookies"].flatMap((key) => listAt(rule, key));
  return (
    places.length === 0 ||
    listAt(rule, "fromHeaders").some(
      (each) => textAt(each, "name")?.toLowerCase() === "authorization" && (textAt(each, "prefix") ?? "") === "Bearer ",
    )
  );
}

function isFor(audiences: readonly string[], aud: unknown): boolean {
  const own = Array.isArray(aud) ? aud : [aud];
  // Envoy compares audiences without scheme and trailing slash.
  const plain = (text: unknown) =>
    String(text)
      .replace(/^https?:\/\//, "")
      .replace(/\/$/, "");
  return audiences.length === 0 || own.some((each) => audiences.map(plain).includes(plain(each)));
}

/** Claims with spaces between their values, as lists: Envoy's `space_delimited_claims`. */
function withLists(claims: Readonly<Record<string, unknown>>, more: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    entriesAt(claims).map(([name, value]) =>
      typeof value === "string" && ["scope", "permission", ...more].includes(name)
        ? [name, value.split(" ").filter((each) => each !== "")]
        : [name, value],
    ),
  );
}
