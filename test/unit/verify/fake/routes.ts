import { at, listAt, numberAt, textAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import type { FakeRequest } from "./request";
import type { FakeState } from "./state";

/** The destination to which the waypoint sends a request for a Service. */
export interface FakeBackend {
  service: string;
  cluster: string;
  /** Service that gets a mirrored request. */
  mirror?: string;
}

const outbound = (service: string) => `outbound|8000||${service}.default.svc.cluster.local`;

/** The HTTPRoute of a Service; undefined without one. */
export const routeOf = (state: FakeState, service: string): KubeObject | undefined =>
  state.pushedAll("HTTPRoute").find((item) => {
    const parent = at(item, "spec", "parentRefs", 0);
    return textAt(parent, "kind") === "Service" && textAt(parent, "name") === service;
  });

/** Rules of a Service's HTTPRoute in Istio's order: by path, by header, all others. */
function rulesOf(route: KubeObject | undefined): unknown[] {
  const weight = (rule: unknown) => (at(rule, "matches", 0, "path") ? 0 : at(rule, "matches", 0, "headers") ? 1 : 2);
  return [...listAt(route, "spec", "rules")].sort((a, b) => weight(a) - weight(b));
}

const backendsOf = (rule: unknown) =>
  listAt(rule, "backendRefs")
    .map((ref) => ({ name: textAt(ref, "name") ?? "", weight: numberAt(ref, "weight") ?? 1 }))
    .filter(({ weight }) => weight > 0);

const mirrorOf = (rule: unknown): string | undefined =>
  textAt(rule, "filters", 0, "requestMirror", "backendRef", "name");

/** The backend of a request; `draw` returns a number between 0 and 1. */
export function backendOf(state: FakeState, service: string, request: FakeRequest, draw: () => number): FakeBackend {
  const rule = rulesOf(routeOf(state, service)).find((item) => {
    const [prefix, header] = [textAt(item, "matches", 0, "path", "value"), at(item, "matches", 0, "headers", 0)];
    if (prefix !== undefined && !request.path.startsWith(prefix)) return false;
    return header === undefined || request.headers?.[textAt(header, "name") ?? ""] === textAt(header, "value");
  });
  if (!rule) return { service, cluster: `inbound-vip|8000|http|${service}.default.svc.cluster.local` };
  const backends = backendsOf(rule);
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  let left = backends.length > 1 ? draw() * total : 0;
  const chosen = backends.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
  const name = chosen?.name ?? "";
  const mirror = mirrorOf(rule);
  return { service: name, cluster: outbound(name), ...(mirror ? { mirror } : {}) };
}

/** Istio's default retries. */
export const istioRetries = { retry_on: "connect-failure,refused-stream,unavailable,cancelled", num_retries: 2 };

/** The same rules as Envoy's routes; empty for a Service without an HTTPRoute. */
export function envoyRules(state: FakeState, service: string): unknown[] {
  const route = routeOf(state, service);
  return route ? envoyRoutes(state.asDumped(route)) : [];
}

/** The rules of an HTTPRoute as Envoy's routes. */
export const envoyRoutes = (route: KubeObject): unknown[] =>
  rulesOf(route).map((rule) => {
    const backends = backendsOf(rule);
    const clusters = backends.map(({ name, weight }) => ({ name: outbound(name), weight }));
    const target = backends.length === 1 ? { cluster: clusters[0]?.name } : { weighted_clusters: { clusters } };
    const mirror = mirrorOf(rule);
    const path = textAt(rule, "matches", 0, "path", "value");
    const headers = listAt(rule, "matches", 0, "headers").map((header) => ({
      name: textAt(header, "name"),
      string_match: { exact: textAt(header, "value") },
    }));
    const redirect = at(rule, "filters", 0, "requestRedirect");
    const action = {
      ...target,
      ...(mirror ? { request_mirror_policies: [{ cluster: outbound(mirror) }] } : {}),
      timeout: textAt(rule, "timeouts", "request") ?? "0s",
      retry_policy: istioRetries,
    };
    return {
      match: {
        ...(path ? { path_separated_prefix: path } : { prefix: "/" }),
        case_sensitive: true,
        ...(headers.length > 0 ? { headers } : {}),
      },
      ...(redirect
        ? { redirect: { scheme_redirect: textAt(redirect, "scheme"), ...portRedirect(redirect) } }
        : { route: action }),
    };
  });

/** istiod omits the default port of the scheme (istio 1.31, pilot/pkg/networking/core/route/route.go). */
const portRedirect = (redirect: unknown): { port_redirect?: unknown } =>
  at(redirect, "port") === 443 && textAt(redirect, "scheme") === "https" ? {} : { port_redirect: at(redirect, "port") };
