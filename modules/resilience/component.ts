import * as pulumi from "@pulumi/pulumi";
import { l7PolicySpec } from "../../components/authorization";
import type { Specs } from "../../components/custom-resource";
import { inboundCluster, ports, serviceHost, waypointName } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { moduleObject, moduleService, throughWaypoint } from "../resources";
import { numbers } from "./objects";

const seconds = (ms: number) => `${ms / 1000}s`;

/** Two more Services on appb's pods: one with faults by path, one with a rate limit. */
export class Resilience extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super(
      "ambientlab:modules:Resilience",
      name,
      { allowedCallers: args.allowedCallers, allowedMethods: args.allowedMethods },
      opts,
    );
    const own = { prefix: name, parent: this };
    const fronts = ["appb-resilience", "appb-limited"];
    for (const front of fronts) moduleService({ name: front, pods: "appb", labels: throughWaypoint }, own);
    moduleObject("AuthorizationPolicy", "appb-resilience-l7", l7PolicySpec(args, fronts), own);
    moduleObject("VirtualService", "appb-resilience", resilienceSpec(), own);
    moduleObject("EnvoyFilter", "appb-limited", limitSpec(), own);
    this.registerOutputs();
  }
}

/** An abort, a timeout and retries, each on a path of its own. Without the last route other paths would get 404. */
function resilienceSpec(): Specs["VirtualService"] {
  const { timeout, retries } = numbers;
  const route = routeTo("appb-resilience");
  return {
    hosts: ["appb-resilience"],
    http: [
      abortedRoute(route),
      { match: under(timeout.path), timeout: seconds(timeout.ms), retries: { attempts: 0 }, route },
      { match: under(retries.path), retries: { attempts: retries.attempts, retryOn: "5xx" }, route },
      { route },
    ],
  };
}

const under = (prefix: string) => [{ uri: { prefix } }];

/** Route of a VirtualService to a Service. */
export const routeTo = (host: string) => [{ destination: { host, port: { number: ports.service } } }];

/** Aborts the requests for one path before they reach the destination of `route`. */
export const abortedRoute = (route: ReturnType<typeof routeTo>) => ({
  match: under(numbers.abort.path),
  fault: { abort: { httpStatus: numbers.abort.status, percentage: { value: 100 } } },
  route,
});

/**
 * Envoy's local rate limit in the filter chain of one Service, for which Istio has no API of its own. A request that finds the
 * token bucket empty is answered with 429.
 */
function limitSpec(): Specs["EnvoyFilter"] {
  const { burst, perSecond } = numbers.limit;
  const always = { default_value: { numerator: 100, denominator: "HUNDRED" } };
  return {
    targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: waypointName }],
    configPatches: [
      {
        applyTo: "HTTP_FILTER",
        match: {
          context: "SIDECAR_INBOUND",
          listener: {
            filterChain: {
              name: inboundCluster(serviceHost("appb-limited")),
              filter: {
                name: "envoy.filters.network.http_connection_manager",
                subFilter: { name: "envoy.filters.http.router" },
              },
            },
          },
        },
        patch: {
          operation: "INSERT_BEFORE",
          value: {
            name: "envoy.filters.http.local_ratelimit",
            typed_config: {
              "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
              stat_prefix: "appb_limited",
              token_bucket: { max_tokens: burst, tokens_per_fill: perSecond, fill_interval: "1s" },
              filter_enabled: always,
              filter_enforced: always,
            },
          },
        },
      },
    ],
  };
}
