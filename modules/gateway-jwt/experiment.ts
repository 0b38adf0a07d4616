import { ports } from "../../config/vocabulary";
import { configGate } from "../../experiments/checks";
import { meshPath, policies } from "../../experiments/objects";
import { outcomeAtWaypoint, pathFor, request, usualMethod } from "../../experiments/requests";
import type { Expectation, Experiment, Probe, TokenSpec } from "../../experiments/types";
import { claim, hostOf, issuerOf } from "./objects";

const policy = "AuthorizationPolicy/gateway-jwt-claim";
const authentication = "RequestAuthentication/gateway-jwt";

const good: TokenSpec = { claims: { [claim.name]: [claim.value] }, seconds: 300 };

/** Requests that the gateway must refuse, and the reason in its log. */
const unwelcome: readonly { name: string; token?: TokenSpec; withPort?: true; status: 401 | 403; because: string }[] = [
  { name: "a request without a token", status: 403, because: "rule[0]" },
  {
    name: "a request without a token, and with a port in the Host header,",
    withPort: true,
    status: 403,
    because: "rule[0]",
  },
  {
    name: "something else than a token",
    token: { ...good, forgery: "garbage" },
    status: 401,
    because: "Jwt",
  },
  { name: "an expired token", token: { ...good, seconds: -3600 }, status: 401, because: "Jwt_is_expired" },
  {
    name: "a token of another issuer",
    token: { ...good, issuer: issuerOf("example.org") },
    status: 401,
    because: "Jwt_issuer_is_not_configured",
  },
  {
    name: "a token signed with another key",
    token: { ...good, forgery: "foreign" },
    status: 401,
    because: "Jwt_verification_fails",
  },
  {
    name: "a token whose claim was added after signing",
    token: { ...good, forgery: "altered" },
    status: 401,
    because: "Jwt_verification_fails",
  },
  {
    name: "a token for another audience",
    token: { ...good, audience: "example.org" },
    status: 403,
    because: "Audiences_in_Jwt_are_not_allowed",
  },
  { name: "a valid token without the claim", token: { ...good, claims: {} }, status: 403, because: "rule[1]" },
  {
    name: "a valid token with another value of the claim",
    token: { ...good, claims: { [claim.name]: ["guests"] } },
    status: 403,
    because: "rule[1]",
  },
];

/** Tokens at the gateway, and a claim in them. */
export const gatewayJwtClaims: Experiment = {
  id: "gateway-jwt",
  module: "gateway-jwt",
  tour: { id: "tokens", title: "Tokens at the gateway, and a claim in them" },
  title: "The gateway accepts valid tokens with the right claim, and no others",
  question:
    "Does the gateway accept valid tokens with the claim, and refuse invalid tokens and tokens without the claim?",
  why: "Two filters decide, and the gateway's log names them. jwt_authn checks signature, issuer, audience and expiry of a token if there is one; RequestAuthentication alone refuses no request without a token. The RBAC filter after it demands a token, and the claim. The lab makes a token for each request, with the issuer's key from its Secret.",
  rows: [],
  objects: [
    ...meshPath,
    ...policies,
    "Gateway/gateway",
    "Deployment/gateway-istio",
    "HTTPRoute/appb",
    "Secret/gateway-jwt-issuer",
    "HTTPRoute/gateway-jwt-route",
    authentication,
    policy,
  ],
  steps: (settings) => {
    const host = hostOf(settings.domain);
    const method = usualMethod(settings);
    const sent = { kind: "probe", from: "host", to: "gateway", host, method, path: pathFor(method) } as const;
    const expect = outcomeAtWaypoint(settings, "host", method);
    const may = expect.outcome === "answered" ? "may" : "passes the gateway and may not";
    const refused = (status: 401 | 403, because: string): Expectation => {
      const by = because.startsWith("rule") ? policy : authentication;
      return { outcome: "refused", by: "gateway", status, policy: by, because };
    };
    const probes: Probe[] = [
      {
        ...sent,
        name: `a request with a valid token, ${claim.name}: ${claim.value}, ${may} ${method}`,
        token: good,
        expect: expect,
      },
      ...unwelcome.map(
        ({ name, token, withPort, status, because }): Probe => ({
          ...sent,
          name: `${name} is refused`,
          ...(token ? { token } : {}),
          ...(withPort ? { host: `${host}:${ports.container}` } : {}),
          expect: refused(status, because),
        }),
      ),
    ];
    return [
      configGate("authentication, policy and route at the gateway", "gateway"),
      request(settings, "host", method),
      ...probes,
    ];
  },
};
