import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import type { LabSettings } from "../../../../config/schema";
import { publicJwk } from "../../../../modules/gateway-jwt/jwk";
import * as gatewayJwt from "../../../../modules/gateway-jwt/objects";
import * as gatewayTls from "../../../../modules/gateway-tls/objects";
import { at, listAt, numberAt, textAt, textsAt } from "../../../../verify/json";
import type { Handshake, KubeObject } from "../../../../verify/lab-client";
import { type Fields, object, yes } from "./objects";
import type { FakeRequest } from "./request";
import type { FakeState } from "./state";

const gatewayApi = "gateway.networking.k8s.io/v1";
const security = "security.istio.io/v1";
const privateKey = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** What a certificate of the fake lab says; its DER is that in JSON. */
export interface FakeCertificate {
  names: string[];
  issuer: string;
  notBefore: string;
  notAfter: string;
}

/** A Secret's certificate. */
export const certificate = (fields: Partial<FakeCertificate> = {}, domain = "opssec.in"): string => {
  const whole: FakeCertificate = {
    names: [gatewayTls.hostOf(domain)],
    issuer: "Ambient lab CA",
    notBefore: "2026-11-20T00:00:00Z",
    notAfter: "2027-02-18T00:00:00Z",
    ...fields,
  };
  return base64(`-----BEGIN CERTIFICATE-----\n${base64(JSON.stringify(whole))}\n-----END CERTIFICATE-----\n`);
};

const route = (name: string, section: string, host: string, rule: Fields): KubeObject =>
  object(gatewayApi, `HTTPRoute/default/${name}`, {
    spec: { parentRefs: [{ name: "gateway", sectionName: section }], hostnames: [host], rules: [rule] },
    status: { parents: [{ conditions: [yes("Accepted")] }] },
  });
const toAppb = { backendRefs: [{ name: "appb", port: 8000 }] };

/** The listener that module gateway-tls adds to the Gateway. */
export const tlsListeners = ({ modules, domain }: LabSettings): Fields[] =>
  modules.includes("gateway-tls")
    ? [
        {
          ...{ name: "https", hostname: gatewayTls.hostOf(domain), port: 443 },
          tls: { certificateRefs: [{ name: "gateway-tls" }] },
        },
      ]
    : [];

export const gatewayTlsObjects = ({ domain, httpsPort }: LabSettings): KubeObject[] => {
  const host = gatewayTls.hostOf(domain);
  const requestRedirect = { scheme: "https", port: httpsPort, statusCode: 301 };
  return [
    object("v1", "Secret/default/gateway-tls", { data: { "tls.crt": certificate({}, domain) } }),
    route("gateway-tls", "https", host, toAppb),
    route("gateway-tls-redirect", "http", host, { filters: [{ requestRedirect }] }),
  ];
};

export const gatewayJwtObjects = ({ domain }: LabSettings): KubeObject[] => {
  const { hostOf, issuerOf, audienceOf } = gatewayJwt;
  const [host, targetRefs] = [hostOf(domain), [{ kind: "Gateway", name: "gateway" }]];
  const to = [{ operation: { hosts: [host, `${host}:*`] } }];
  return [
    object("v1", "Secret/default/gateway-jwt-issuer", { data: { "private.pem": base64(privateKey) } }),
    object(security, "RequestAuthentication/default/gateway-jwt", {
      spec: {
        targetRefs,
        jwtRules: [
          {
            ...{ issuer: issuerOf(domain), audiences: [audienceOf(domain)] },
            jwks: JSON.stringify({ keys: [publicJwk(privateKey)] }),
          },
        ],
      },
    }),
    object(security, "AuthorizationPolicy/default/gateway-jwt-claim", {
      spec: {
        ...{ targetRefs, action: "DENY" },
        rules: [
          { from: [{ source: { notRequestPrincipals: ["*"] } }], to },
          { to, when: [{ key: "request.auth.claims[groups]", notValues: ["lab"] }] },
        ],
      },
    }),
    route("gateway-jwt-route", "http", host, toAppb),
  ];
};

/** The listener for a name; `tls` is which of them. */
export const listenerFor = (state: FakeState, host: string, tls: boolean): unknown =>
  listAt(state.told("Gateway/default/gateway"), "spec", "listeners").find((item) => {
    const pattern = textAt(item, "hostname") ?? "*";
    const fits = pattern.startsWith("*") ? host.endsWith(pattern.slice(1)) : host === pattern;
    return fits && (numberAt(item, "port") === 443) === tls;
  });

/** A handshake as the gateway's configuration lets it come to an end. @throws as a socket does */
export function shakeHands(state: FakeState, host: string, trusting: "lab" | "public"): Handshake {
  if (!state.podOf("gateway"))
    throw Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:18443"), { code: "ECONNREFUSED" });
  const secret = textAt(listenerFor(state, host, true), "tls", "certificateRefs", 0, "name");
  const pem = Buffer.from(textAt(state.told(`Secret/default/${secret}`), "data", "tls.crt") ?? "", "base64").toString();
  const der = pem.split("\n")[1];
  if (!der) throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  const { names, issuer, notBefore, notAfter }: FakeCertificate = JSON.parse(Buffer.from(der, "base64").toString());
  const known = trusting === "lab" ? issuer === state.caFile : state.machineTrusts === issuer;
  const distrust = !known
    ? "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
    : Date.parse(notAfter) < state.clock.now()
      ? "CERT_HAS_EXPIRED"
      : names.includes(host)
        ? undefined
        : "ERR_TLS_CERT_ALTNAME_INVALID";
  const dates = { notBefore: Date.parse(notBefore), notAfter: Date.parse(notAfter) };
  return { names, issuer, ...dates, der, ...(distrust ? { distrust } : {}) };
}

/** A refusal by one of the gateway's own filters. */
export interface GatewayRefusal {
  status: number;
  details: string;
  body: string;
}

/** What the gateway's filters make of a request's token; nothing when they let it through. */
export function refusalAtGateway(state: FakeState, request: FakeRequest): GatewayRefusal | undefined {
  const { claims, problem, status = 401 } = tokenOf(state, request);
  if (problem) return { status, details: `jwt_authn_access_denied{${problem.replaceAll(" ", "_")}}`, body: problem };
  for (const policy of state.toldAll("AuthorizationPolicy")) {
    if (!listAt(policy, "spec", "targetRefs").some((ref) => textAt(ref, "kind") === "Gateway")) continue;
    const rule = listAt(policy, "spec", "rules").findIndex((item) => denies(item, request.authority, claims));
    if (rule < 0) continue;
    const details = `rbac_access_denied_matched_policy[ns[default]-policy[${policy.metadata?.name}]-rule[${rule}]]`;
    return { status: 403, details, body: "RBAC: access denied" };
  }
  return undefined;
}

function denies(rule: unknown, authority: string, claims: Fields | undefined): boolean {
  const hosts = listAt(rule, "to").flatMap((to) => textsAt(to, "operation", "hosts"));
  const here = (host: string) => (host.endsWith(":*") ? authority.startsWith(host.slice(0, -1)) : authority === host);
  if (!hosts.some(here)) return false;
  if (at(rule, "from", 0, "source", "notRequestPrincipals") !== undefined) return claims === undefined;
  const name = /\[(.*)\]/.exec(textAt(rule, "when", 0, "key") ?? "")?.[1] ?? "";
  return !textsAt(claims, name).some((value) => textsAt(rule, "when", 0, "notValues").includes(value));
}

interface Bearer {
  claims?: Fields;
  problem?: string;
  status?: number;
}

function tokenOf(state: FakeState, { headers = {} }: FakeRequest): Bearer {
  const rule = at(state.told("RequestAuthentication/default/gateway-jwt"), "spec", "jwtRules", 0);
  const token = /^Bearer (.*)$/.exec(headers.authorization ?? "")?.[1];
  if (!rule || token === undefined) return {};
  const [head = "", payload = "", signature = ""] = token.split(".");
  const json = (text: string): Fields => JSON.parse(Buffer.from(text, "base64url").toString());
  let claims: Fields;
  try {
    claims = json(payload);
  } catch {
    return { problem: "Jwt header is an invalid JSON" };
  }
  if (claims.iss !== textAt(rule, "issuer")) return { problem: "Jwt issuer is not configured" };
  if (Number(claims.exp) * 1000 < state.clock.now()) return { problem: "Jwt is expired" };
  if (!textsAt(rule, "audiences").includes(String(claims.aud)))
    return { problem: "Audiences in Jwt are not allowed", status: 403 };
  const jwk = JSON.parse(textAt(rule, "jwks") ?? "{}").keys[0];
  const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" } as const;
  const good = verify("sha256", Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, "base64url"));
  return good ? { claims } : { problem: "Jwt verification fails" };
}
