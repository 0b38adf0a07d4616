import { serviceHost } from "../../../../config/vocabulary";
import { hostOf, services, strictPolicy } from "../../../../experiments/names";
import type { ServiceName } from "../../../../experiments/slices";
import { at, listAt, numberAt, textAt, textsAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { rateLimitOf } from "./interference";
import { socket } from "./lines";
import { takesHost } from "./listeners";
import { isStrict, policiesAt, policiesOn, ztunnelRules } from "./policies";
import { envoyRules } from "./routes";
import type { FakeState } from "./state";
import { tracingOf } from "./tracing";
import { attachment } from "./waypoints";

const type = (name: string) => ({ "@type": `type.googleapis.com/${name}` });

/** ztunnel's /config_dump. */
export function ztunnelConfig(state: FakeState, node: string): unknown {
  const here = state.pods.filter(({ namespace, labels }) => namespace !== "istio-system" && labels.app !== undefined);
  const policies = state.toldAll("AuthorizationPolicy").filter((policy) => at(policy, "spec", "selector"));
  const known = here.filter(({ role }) => state.left.get(role) !== "unknown");
  const served = known.filter(
    (pod) => pod.node === node && state.isEnrolled(pod.role) && state.left.get(pod.role) !== "unserved",
  );
  return {
    workloadState: Object.fromEntries(
      served.map(({ name, namespace }) => [`uid-of-${name}`, { info: { name, namespace }, state: "Up" }]),
    ),
    workloads: known.map((pod) => ({
      name: pod.name,
      namespace: pod.namespace,
      serviceAccount: pod.account,
      protocol: state.isEnrolled(pod.role) ? "HBONE" : "TCP",
      workloadIps: [pod.ip],
      authorizationPolicies: [
        ...policiesOn(state, pod).map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`),
        ...(isStrict(state, pod) ? [`${strictPolicy.namespace}/${strictPolicy.name}`] : []),
      ],
    })),
    services: state.toldAll("Service").map((service) => {
      const { name = "", namespace } = service.metadata ?? {};
      const hostname = `${name}.${namespace}.svc.cluster.local`;
      const attached = attachment(service, (key) => state.told(key));
      if (!attached || attached.problem) return { namespace, hostname };
      const [place, waypoint] = attached.waypoint.split("/");
      const destination = `${attached.waypoint}.${place}.svc.cluster.local`;
      return { namespace, hostname, ...(waypoint ? { waypoint: { destination } } : {}) };
    }),
    certificates: here
      .filter((pod) => pod.node === node && state.isEnrolled(pod.role))
      .map(({ principal }) => ({
        identity: `spiffe://${principal}`,
        state: "Available",
        certChain: [
          {
            validFrom: "2026-11-23T00:00:00Z",
            expirationTime: "2026-11-25T00:00:00Z",
            pem: "-----BEGIN CERTIFICATE-----",
          },
        ],
      })),
    policies: policies.map((policy) => ({
      name: policy.metadata?.name,
      namespace: policy.metadata?.namespace,
      scope: "WorkloadSelector",
      action: textAt(policy, "spec", "action") === "DENY" ? "Deny" : "Allow",
      rules: ztunnelRules(policy).map((rule) => [[{ principals: rule.map((Exact) => ({ Exact })) }]]),
    })),
  };
}

/** A waypoint's /config_dump, with the keys as Envoy writes them. */
export function waypointConfig(state: FakeState, waypoint: string): unknown {
  const attached = [...state.toldAll("Service"), ...state.toldAll("ServiceEntry")]
    .map(({ metadata }) => metadata?.name ?? "")
    .filter((name) => state.waypointFor("pod", name) === waypoint);
  return {
    configs: [
      {
        ...type("envoy.admin.v3.ListenersConfigDump"),
        dynamic_listeners: [
          {
            active_state: {
              listener: {
                name: "connect_terminate",
                address: { socket_address: { address: "0.0.0.0", port_value: 15008 } },
              },
            },
          },
          {
            active_state: {
              listener: {
                name: "main_internal",
                filter_chains: attached.map((name) => chain(state, name)),
              },
            },
          },
        ],
      },
    ],
  };
}

/** The chain of one Service that is attached to the waypoint. */
function chain(state: FakeState, service: string): unknown {
  const name = `inbound-vip|8000|http|${serviceName(service)}`;
  const own = state.toldAll("VirtualService").find((item) => textAt(item, "spec", "hosts", 0) === service);
  const routes = listAt(state.pretended.get(`VirtualService/default/${service}`) ?? own, "spec", "http");
  const rules = envoyRules(state, service);
  const limit = rateLimitOf(state, service) ? ["local_ratelimit"] : [];
  const names = ["grpc_stats", "fault", "cors", ...limit, "router"];
  const filters = names.map((name) => ({ name: `envoy.filters.http.${name}` }));
  const manager = {
    ...type("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
    route_config: {
      virtual_hosts: [
        {
          routes:
            rules.length > 0 ? rules : (routes.length > 0 ? routes : [{}]).map((route) => envoyRoute(service, route)),
        },
      ],
    },
    ...tracingOf(state, "waypoint"),
    http_filters: [...policiesAt(state, service).map(rbacFilter), ...filters],
  };
  return { name, filters: [{ typed_config: manager }] };
}

function envoyRoute(service: string, route: unknown): unknown {
  const text = textAt(route, "fault", "delay", "fixedDelay");
  const seconds = text && Number.parseFloat(text) / (text.endsWith("ms") ? 1000 : 1);
  const percent = numberAt(route, "fault", "delay", "percentage", "value") ?? 0;
  const delay = { fixed_delay: `${seconds}s`, percentage: { numerator: percent * 10_000, denominator: "MILLION" } };
  const status = numberAt(route, "fault", "abort", "httpStatus");
  const abort = { http_status: status, percentage: { numerator: 1_000_000, denominator: "MILLION" } };
  const fault = { ...(text ? { delay } : {}), ...(status ? { abort } : {}) };
  const attempts = numberAt(route, "retries", "attempts");
  // Istio's own retries where none are asked for.
  const retries = attempts ? { retry_on: "5xx", num_retries: attempts } : { retry_on: "connect-failure,cancelled" };
  return {
    match: { prefix: textAt(route, "match", 0, "uri", "prefix") ?? "/" },
    route: {
      cluster: `inbound-vip|8000|http|${service}.default.svc.cluster.local`,
      timeout: textAt(route, "timeout") ?? "0s",
      ...(attempts === 0 ? {} : { retry_policy: retries }),
    },
    ...(text || status ? { typed_per_filter_config: { "envoy.filters.http.fault": fault } } : {}),
  };
}

function rbacFilter(policy: KubeObject): unknown {
  const rules = listAt(policy, "spec", "rules").map((rule, index) => {
    const who = listAt(rule, "from").flatMap((from) => textsAt(from, "source", "principals"));
    const what = listAt(rule, "to").flatMap((to) => textsAt(to, "operation", "methods"));
    const where = listAt(rule, "to").flatMap((to) => textsAt(to, "operation", "paths"));
    const paths = where.map((path) => ({
      url_path: { path: path === "*" ? { safe_regex: { regex: ".+" } } : { exact: path } },
    }));
    const matches = what.map((method) => ({ header: { name: ":method", string_match: { exact: method } } }));
    const ids = who.map((principal) => ({
      filter_state: { key: "io.istio.peer_principal", string_match: { exact: `spiffe://${principal}` } },
    }));
    const value = {
      permissions: [{ and_rules: { rules: [{ or_rules: { rules: matches } }, { or_rules: { rules: paths } }] } }],
      principals: [{ and_ids: { ids: ids.length > 0 ? [{ or_ids: { ids } }] : [{ any: true }] } }],
    };
    return [`ns[${policy.metadata?.namespace}]-policy[${policy.metadata?.name}]-rule[${index}]`, value];
  });
  const typed = {
    ...type("envoy.extensions.filters.http.rbac.v3.RBAC"),
    rules: {
      ...(textAt(policy, "spec", "action") === "DENY" ? { action: "DENY" } : {}),
      policies: Object.fromEntries(rules),
    },
  };
  return { name: "envoy.filters.http.rbac", typed_config: typed };
}

/** The gateway's /config_dump?include_eds. */
export function gatewayConfig(state: FakeState): unknown {
  const listeners = listAt(state.told("Gateway/default/gateway"), "spec", "listeners");
  const services = [
    ...new Set(
      state
        .toldAll("HTTPRoute")
        .flatMap((route) =>
          isOfGateway(route)
            ? listAt(route, "spec", "rules").flatMap((rule) => textAt(rule, "backendRefs", 0, "name") ?? [])
            : [],
        ),
    ),
  ];
  const endpoints = services.map((service) => {
    const waypoint = state.waypointFor("gateway", service);
    const app = state.podOf(state.appBehind(service));
    const target = waypoint ? socket(state.podOf(waypoint)?.ip, 15_008) : socket(app?.ip, 8_080);
    const address = { envoy_internal_address: { server_listener_name: "connect_originate", endpoint_id: target } };
    const cluster_name = gatewayCluster(service);
    return { endpoint_config: { cluster_name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] } };
  });
  const hosts = state.toldAll("HTTPRoute").flatMap((route) => {
    const pretended = state.pretended.get(`HTTPRoute/default/${route.metadata?.name}`) ?? route;
    return virtualHostOf(pretended, listeners);
  });
  return {
    configs: [
      { ...type("envoy.admin.v3.ListenersConfigDump"), dynamic_listeners: listeners.map(gatewayListener(state)) },
      {
        ...type("envoy.admin.v3.RoutesConfigDump"),
        dynamic_route_configs: [{ route_config: { name: "http.80", virtual_hosts: hosts } }],
      },
      {
        ...type("envoy.admin.v3.EndpointsConfigDump"),
        dynamic_endpoint_configs: endpoints,
      },
    ],
  };
}

const isOfGateway = (route: KubeObject): boolean =>
  listAt(route, "spec", "parentRefs").some((parent) => textAt(parent, "name") === "gateway");

/** The cluster that the gateway has for a Service. */
export const gatewayCluster = (service: string): string => `outbound|8000||${serviceName(service)}`;

/** The virtual host of a route of the gateway; none of a route that no listener takes. */
function virtualHostOf(route: KubeObject, listeners: readonly unknown[]): unknown[] {
  const domains = textsAt(route, "spec", "hostnames").filter((host) =>
    listeners.some((listener) => takesHost(listener, host)),
  );
  if (!isOfGateway(route) || domains.length === 0) return [];
  const cluster = gatewayCluster(textAt(route, "spec", "rules", 0, "backendRefs", 0, "name") ?? "");
  const { scheme, port } = Object(at(route, "spec", "rules", 0, "filters", 0, "requestRedirect"));
  const target = scheme ? { redirect: { scheme_redirect: scheme, port_redirect: port } } : { route: { cluster } };
  return [{ domains, routes: [{ match: { prefix: "/" }, ...target }] }];
}

const gatewayListener = (state: FakeState) => (item: unknown) => {
  const port = numberAt(item, "port");
  const policies = state
    .toldAll("AuthorizationPolicy")
    .filter((policy) => listAt(policy, "spec", "targetRefs").some((ref) => textAt(ref, "kind") === "Gateway"));
  const names = [...(state.told("RequestAuthentication/default/gateway-jwt") ? ["jwt_authn"] : []), "router"];
  const manager = {
    ...type("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
    ...tracingOf(state, "gateway-istio"),
    http_filters: [...names.map((name) => ({ name: `envoy.filters.http.${name}` })), ...policies.map(rbacFilter)],
  };
  const listener = {
    name: `0.0.0.0_${port}`,
    address: { socket_address: { address: "0.0.0.0", port_value: port } },
    filter_chains: [{ filters: [{ typed_config: manager }] }],
  };
  return { active_state: { listener } };
};

/** DNS name of a Service; no experiment names those of a route's versions. */
const serviceName = (service: string): string =>
  service in services ? hostOf(service as ServiceName) : serviceHost(service);
