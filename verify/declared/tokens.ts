import { at, entriesAt, listAt, textAt } from "../json";
import type { KubeObject } from "../lab-client";

/** Fields of a rule that {@link tokenFilterOf} reads; `timeout` is for keys that istiod fetches. */
const knownFields: ReadonlySet<string> = new Set([
  ...["issuer", "audiences", "jwks", "forwardOriginalToken", "outputPayloadToHeader", "outputClaimToHeaders"],
  ...["fromHeaders", "fromParams", "fromCookies", "spaceDelimitedClaims", "timeout"],
]);

/**
 * The filter for tokens that istiod makes of RequestAuthentications for a gateway or waypoint (istio 1.31
 * pilot/pkg/security/authn/policy_applier.go, convertToEnvoyJwtConfig; the same in 1.30.3). A field that is not read becomes one
 * that no proxy has, and so do keys that istiod has to fetch.
 * @returns undefined when no object has a rule
 */
export function tokenFilterOf(authentications: readonly KubeObject[]): unknown {
  const rules = authentications
    .flatMap((each) => listAt(each, "spec", "jwtRules"))
    .sort((a, b) => ((textAt(a, "issuer") ?? "") < (textAt(b, "issuer") ?? "") ? -1 : 1));
  if (rules.length === 0) return undefined;
  const names = rules.map((_, index) => `origins-${index}`);
  const orMissing = names.map((name) => anyOf([{ providerName: name }, { allowMissing: {} }]));
  const every = { requiresAll: { requirements: orMissing } };
  const requires =
    orMissing.length === 1 ? orMissing[0] : anyOf([...names.map((name) => ({ providerName: name })), every]);
  return {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
    providers: Object.fromEntries(rules.map((rule, index) => [`origins-${index}`, providerOf(rule)])),
    rules: [{ match: { prefix: "/" }, requires }],
    bypassCorsPreflight: true,
  };
}

const anyOf = (requirements: readonly unknown[]) => ({ requiresAny: { requirements } });

function providerOf(rule: unknown): unknown {
  const claims = new Set(["permission", "scope", ...listAt(rule, "spaceDelimitedClaims").map(String)]);
  const unread = entriesAt(rule).filter(([key]) => !knownFields.has(key));
  const jwks = textAt(rule, "jwks");
  return withoutEmpty({
    issuer: at(rule, "issuer"),
    audiences: at(rule, "audiences"),
    localJwks: jwks ? { inlineString: jwks } : { fetched: "keys that istiod fetches are not compared" },
    forward: at(rule, "forwardOriginalToken"),
    forwardPayloadHeader: at(rule, "outputPayloadToHeader"),
    payloadInMetadata: "payload",
    normalizePayloadInMetadata: { spaceDelimitedClaims: [...claims].sort() },
    clearRouteCache: true,
    claimToHeaders: listAt(rule, "outputClaimToHeaders").map((each) => ({
      headerName: textAt(each, "header"),
      claimName: textAt(each, "claim"),
    })),
    fromHeaders: listAt(rule, "fromHeaders").map((each) =>
      withoutEmpty({ name: textAt(each, "name"), valuePrefix: textAt(each, "prefix") }),
    ),
    fromParams: at(rule, "fromParams"),
    fromCookies: at(rule, "fromCookies"),
    ...(unread.length > 0 ? { unread: Object.fromEntries(unread) } : {}),
  });
}

/** Protobuf writes no field that is empty or false. */
function withoutEmpty(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEmpty = (value: unknown) =>
    value === undefined || value === "" || value === false || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}
