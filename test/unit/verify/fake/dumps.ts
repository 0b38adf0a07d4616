import { strictPolicy } from "../../../../experiments/names";
import { at, listAt, numberAt, textAt, textsAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { endpointsDump, inboundClusters, outboundClusters } from "./endpoints";
import { insertedFirst, rateLimitOf, serviceName } from "./interference";
import { takesHost } from "./listeners";
import { isStrict, policiesAt, policiesOn } from "./policies";
import { rbacFilters, ztunnelPolicy } from "./rbac";
import { envoyRoutes, envoyRules, istioRetries } from "./routes";
import type { FakeState } from "./state";
import { tracingOf } from "./tracing";
import { attachment } from "./waypoints";

const type = (name: string) => ({ "@type": `type.googleapis.com/${name}` });

/** ztunnel's /config_dump. */
export function ztunnelConfig(state: FakeState, node: string): unknown {
  const here = state.pods.filter(({ namespace, labels }) => namespace !== "istio-system" && labels.app !== undefined);
  const policies = state.pushedAll("AuthorizationPolicy").filter((policy) => !at(policy, "spec", "targetRefs"));
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
        ...policiesOn(state, pod)
          .filter((policy) => at(policy, "spec", "selector"))
          .map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`),
        ...(isStrict(state, pod) ? [`${strictPolicy.namespace}/${strictPolicy.name}`] : []),
      ],
    })),
    services: state.pushedAll("Service").map((service) => {
      const { name = "", namespace } = service.metadata ?? {};
      const hostname = `${name}.${namespace}.svc.cluster.local`;
      const attached = attachment(service, (key) => state.pushed(key));
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
    policies: [...policies.map(ztunnelPolicy), ...(here.some((pod) => isStrict(state, pod)) ? [staticStrict] : [])],
  };
}

const staticStrict = {
  ...strictPolicy,
  ...{ scope: "WorkloadSelector", action: "Deny", dryRun: false },
  rules: [[[{ notPrincipals: [{ Presence: [] }] }]]],
};

/** A waypoint's /config_dump, with the keys of Envoy. */
export function waypointConfig(state: FakeState, waypoint: string): unknown {
  const services = state.pushedAll("Service");
  const served = [...services, ...state.pushedAll("ServiceEntry")].filter(
    ({ metadata }) => state.waypointFor("pod", metadata?.name ?? "") === waypoint,
  );
  const attached = served.map(({ metadata }) => metadata?.name ?? "");
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
      endpointsDump(state, waypoint, [...inboundClusters(served), ...outboundClusters(services)]),
    ],
  };
}

/** The chain of one Service that is attached to the waypoint. */
function chain(state: FakeState, service: string): unknown {
  const name = `inbound-vip|8000|http|${serviceName(service)}`;
  const own = state.pushedAll("VirtualService").find((item) => textAt(item, "spec", "hosts", 0) === service);
  const routes = listAt(own && state.asDumped(own), "spec", "http");
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
            rules.length > 0
              ? rules
              : untilCatchAll(routes.length > 0 ? routes : [{}]).map((route) => envoyRoute(service, route)),
        },
      ],
    },
    ...tracingOf(state, "waypoint"),
    http_filters: [...insertedFirst(state), ...rbacFilters(policiesAt(state, service)), ...filters],
  };
  return { name, filters: [{ typed_config: manager }] };
}

/** istiod omits the routes after a route for all requests (1.31, pilot/pkg/networking/core/listener_waypoint.go). */
function untilCatchAll(routes: readonly unknown[]): readonly unknown[] {
  const last = routes.findIndex((route) => [undefined, "/"].includes(textAt(route, "match", 0, "uri", "prefix")));
  return last < 0 ? routes : routes.slice(0, last + 1);
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
  // Istio's default retries.
  const retries = attempts ? { retry_on: "5xx", num_retries: attempts } : istioRetries;
  const host = textAt(route, "route", 0, "destination", "host") ?? service;
  const mirrors = [
    at(route, "mirror", "host"),
    ...listAt(route, "mirrors").map((each) => at(each, "destination", "host")),
  ];
  const copies = mirrors.flatMap((each) => (typeof each === "string" ? [{ cluster: gatewayCluster(each) }] : []));
  return {
    match: { prefix: textAt(route, "match", 0, "uri", "prefix") ?? "/" },
    route: {
      cluster: host === service ? `inbound-vip|8000|http|${serviceName(service)}` : gatewayCluster(host),
      ...(copies.length > 0 ? { request_mirror_policies: copies } : {}),
      timeout: textAt(route, "timeout") ?? "0s",
      ...(attempts === 0 ? {} : { retry_policy: retries }),
    },
    ...(text || status ? { typed_per_filter_config: { "envoy.filters.http.fault": fault } } : {}),
  };
}

/** The gateway's /config_dump?include_eds. */
export function gatewayConfig(state: FakeState): unknown {
  const listeners = listAt(state.pushed("Gateway/default/gateway"), "spec", "listeners");
  const hosts = state.pushedAll("HTTPRoute").flatMap((route) => virtualHostsOf(state.asDumped(route), listeners));
  return {
    configs: [
      { ...type("envoy.admin.v3.ListenersConfigDump"), dynamic_listeners: listeners.map(gatewayListener(state)) },
      {
        ...type("envoy.admin.v3.RoutesConfigDump"),
        dynamic_route_configs: routeConfigs(hosts),
      },
      endpointsDump(
        state,
        "gateway",
        outboundClusters([...state.pushedAll("Service"), ...state.pushedAll("ServiceEntry")]),
      ),
    ],
  };
}

/** The cluster that the gateway has for a Service. */
export const gatewayCluster = (service: string): string => `outbound|8000||${serviceName(service)}`;

/** The virtual hosts of a gateway's route, one for each host; none if no listener accepts the route. */
function virtualHostsOf(route: KubeObject, listeners: readonly unknown[]): GatewayHost[] {
  return listAt(route, "spec", "parentRefs").flatMap((parent) =>
    listeners
      .filter((each) => [undefined, textAt(each, "name")].includes(textAt(parent, "sectionName")))
      .flatMap((listener) =>
        textsAt(route, "spec", "hostnames")
          .filter((host) => textAt(parent, "name") === "gateway" && takesHost(listener, host))
          .map((host) => ({ port: numberAt(listener, "port") ?? 0, host, routes: envoyRoutes(route) })),
      ),
  );
}

interface GatewayHost {
  port: number;
  host: string;
  routes: unknown[];
}

/** Merges the routes of several HTTPRoutes with the same host into one virtual host. */
function routeConfigs(hosts: readonly GatewayHost[]): unknown[] {
  const ports = [...new Set(hosts.map(({ port }) => port))];
  return ports.map((port) => {
    const own = hosts.filter((each) => each.port === port);
    const virtual_hosts = [...new Set(own.map(({ host }) => host))].map((host) => ({
      domains: [host],
      routes: own.filter((each) => each.host === host).flatMap(({ routes }) => routes),
    }));
    const name =
      port === 443 ? "https.443.default.gateway~istio-autogenerated-k8s-gateway~https.default" : `http.${port}`;
    return { route_config: { name, virtual_hosts } };
  });
}

const filterOf = (name: string) => ({ name: `envoy.filters.http.${name}` });

function tokenConfig({ spec }: KubeObject) {
  const rule = at(spec, "jwtRules", 0);
  const provider = {
    issuer: textAt(rule, "issuer"),
    audiences: textsAt(rule, "audiences"),
    local_jwks: { inline_string: textAt(rule, "jwks") },
    payload_in_metadata: "payload",
    normalize_payload_in_metadata: { space_delimited_claims: ["permission", "scope"] },
    clear_route_cache: true,
  };
  const requirements = [{ provider_name: "origins-0" }, { allow_missing: {} }];
  return {
    ...type("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"),
    providers: { "origins-0": provider },
    rules: [{ match: { prefix: "/" }, requires: { requires_any: { requirements } } }],
    bypass_cors_preflight: true,
  };
}

function downstream(listener: unknown) {
  if (textAt(listener, "protocol") !== "HTTPS") return {};
  const name = `kubernetes-gateway://default/${textAt(listener, "tls", "certificateRefs", 0, "name")}`;
  const certificates = [{ name, sds_config: { ads: {}, resource_api_version: "V3" } }];
  const typed_config = {
    ...type("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"),
    common_tls_context: { tls_certificate_sds_secret_configs: certificates, alpn_protocols: ["h2", "http/1.1"] },
    require_client_certificate: false,
  };
  return {
    filter_chain_match: { server_names: [textAt(listener, "hostname")] },
    transport_socket: { name: "envoy.transport_sockets.tls", typed_config },
  };
}

const gatewayListener = (state: FakeState) => (item: unknown) => {
  const port = numberAt(item, "port");
  const policies = state
    .pushedAll("AuthorizationPolicy")
    .filter((policy) => listAt(policy, "spec", "targetRefs").some((ref) => textAt(ref, "kind") === "Gateway"));
  const authentication = state.pushed("RequestAuthentication/default/gateway-jwt");
  const tokens = authentication ? [{ ...filterOf("jwt_authn"), typed_config: tokenConfig(authentication) }] : [];
  const manager = {
    ...type("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
    ...tracingOf(state, "gateway-istio"),
    http_filters: [...tokens, ...rbacFilters(policies), filterOf("fault"), filterOf("router")],
  };
  const listener = {
    name: `0.0.0.0_${port}`,
    address: { socket_address: { address: "0.0.0.0", port_value: port } },
    filter_chains: [{ ...downstream(item), filters: [{ typed_config: manager }] }],
  };
  return { active_state: { listener } };
};
