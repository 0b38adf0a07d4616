import { createPublicKey, verify } from "node:crypto";
import { at, listAt, numberAt, textAt, textsAt } from "../../../../verify/json";
import type { Handshake } from "../../../../verify/lab-client";
import { certificatePem, type FakeCertificate } from "../../../support/fake-tls-provider";
import { gatewayPort, takesHost } from "./listeners";
import type { FakeRequest } from "./request";
import type { FakeState } from "./state";

type Fields = Record<string, unknown>;

/** A valid certificate of a Secret, with the given fields changed. */
export const certificate = (fields: Partial<FakeCertificate> = {}): string => {
  const whole: FakeCertificate = {
    names: ["secure.opssec.in"],
    issuer: "Ambient lab CA",
    notBefore: "2026-11-20T00:00:00Z",
    notAfter: "2027-02-18T00:00:00Z",
    ...fields,
  };
  return Buffer.from(certificatePem(whole)).toString("base64");
};

/** The port of the gateway to which a port of this machine is mapped. @throws the error of a socket when no pod listens */
export function reachedPort(state: FakeState, hostPort: number): number {
  const published = state.published.find((each) => each.hostPort === hostPort);
  if (!published || !state.podOf("gateway"))
    throw Object.assign(new Error(`connect ECONNREFUSED 127.0.0.1:${hostPort}`), { code: "ECONNREFUSED" });
  const port = gatewayPort(state.pushedAll("Service"), published.containerPort);
  const listeners = listAt(state.pushed("Gateway/default/gateway"), "spec", "listeners");
  if (port === undefined || !listeners.some((listener) => numberAt(listener, "port") === port))
    throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  return port;
}

/** The listener of a port for a host name. */
export const listenerFor = (state: FakeState, host: string, port: number): unknown =>
  listAt(state.pushed("Gateway/default/gateway"), "spec", "listeners").find(
    (listener) => takesHost(listener, host) && numberAt(listener, "port") === port,
  );

/** A TLS handshake with the gateway by its configuration. @throws the error of a socket when it fails */
export function handshakeWith(state: FakeState, host: string, trusting: "lab" | "public"): Handshake {
  const port = reachedPort(state, Number(new URL(state.facts.tls?.url ?? "").port));
  const secret = textAt(listenerFor(state, host, port), "tls", "certificateRefs", 0, "name");
  const pem = Buffer.from(
    textAt(state.pushed(`Secret/default/${secret}`), "data", "tls.crt") ?? "",
    "base64",
  ).toString();
  const der = pem.split("\n")[1];
  if (!der) throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  const { names, issuer, notBefore, notAfter }: FakeCertificate = JSON.parse(Buffer.from(der, "base64").toString());
  const known = trusting === "lab" ? issuer === state.caFile : state.systemCa === issuer;
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

/** A refusal by a filter of the gateway. */
export interface GatewayRefusal {
  status: number;
  details: string;
  body: string;
}

/** The refusal of a request by the gateway's token filters; undefined when they allow it. */
export function refusalAtGateway(state: FakeState, request: FakeRequest): GatewayRefusal | undefined {
  const { claims, problem, status = 401 } = tokenOf(state, request);
  if (problem) return { status, details: `jwt_authn_access_denied{${problem.replaceAll(" ", "_")}}`, body: problem };
  for (const policy of state.pushedAll("AuthorizationPolicy")) {
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
  const rule = at(state.pushed("RequestAuthentication/default/gateway-jwt"), "spec", "jwtRules", 0);
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
