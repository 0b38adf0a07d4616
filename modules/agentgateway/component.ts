import * as pulumi from "@pulumi/pulumi";
import { type CallerRules, l7PolicySpec, waypointOnlySpec } from "../../components/authorization";
import { waypointGateway } from "../../components/waypoint-gateway";
import { workload } from "../../components/workload";
import { labelKeys, ports, principalOf, waypointName } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { abortedRoute, routeTo } from "../resilience/component";
import { numbers } from "../resilience/objects";
import { moduleObject, moduleService, onPurpose } from "../resources";
import { waypoint as gateway } from "./objects";

/** Its GatewayClass, and the one for gateways that istiod makes along with it. */
const classes = {
  "istio-agentgateway-waypoint": "istio.io/agentgateway-waypoint-controller",
  "istio-agentgateway": "istio.io/agentgateway-controller",
};

/** Only appa is allowed, and only with GET. */
const readers: CallerRules = { allowedCallers: ["appa"], allowedMethods: ["GET"] };

/**
 * A second waypoint, of agentgateway, and apph with Services at both waypoints. Both waypoints have the same configuration: an
 * AuthorizationPolicy and a VirtualService for one Service each, and an HTTPRoute for another.
 */
export class Agentgateway extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:Agentgateway", name, { image: args.image }, opts);
    const own = { prefix: name, parent: this };
    // istiod creates both classes while the feature is on, and does not delete them when it is off: as resources of the stack
    // they are deleted with the module. "lab destroy" deletes those that istiod creates again until it ends itself.
    const known = Object.entries(classes).map(([className, controllerName]) =>
      moduleObject("GatewayClass", className, { controllerName }, own, { namespace: undefined }),
    );
    const dependsOn = [...known, ...args.images];
    waypointGateway(gateway, { gateway, className: "istio-agentgateway-waypoint" }, args.proxies, {
      ...own,
      dependsOn,
    });
    const server = workload({ name: "apph", mesh: true }, args, own);
    const fronts = { apph: gateway, "apph-envoy": waypointName };
    for (const [front, waypoint] of Object.entries(fronts)) {
      for (const each of [front, `${front}-routed`]) {
        const labels = { [labelKeys.useWaypoint]: waypoint };
        moduleService({ name: each, pods: "apph", labels }, { ...own, dependsOn: server });
      }
      const unheard = waypoint === gateway ? { annotations: onPurpose("enforced-at-waypoint") } : {};
      moduleObject("AuthorizationPolicy", `${front}-l7`, l7PolicySpec(readers, [front]), own, unheard);
      moduleObject("VirtualService", `${front}-fault`, abortSpec(front), own);
      moduleObject("HTTPRoute", `${front}-routed`, timeoutSpec(`${front}-routed`), own);
    }
    const guards = { "apph-waypoint-only": principalOf(gateway), "apph-envoy-only": principalOf(waypointName) };
    for (const [policy, waypoint] of Object.entries(guards))
      moduleObject("AuthorizationPolicy", policy, waypointOnlySpec("apph", waypoint), own);
    this.registerOutputs();
  }
}

/** A fault in Istio's routing API. */
function abortSpec(host: string) {
  const route = routeTo(host);
  return { hosts: [host], http: [abortedRoute(route), { route }] };
}

/** A timeout in the Gateway API. */
function timeoutSpec(name: string) {
  const port = ports.service;
  return {
    parentRefs: [{ group: "", kind: "Service", name, port }],
    rules: [{ timeouts: { request: `${numbers.timeout.ms / 1000}s` }, backendRefs: [{ name, port }] }],
  };
}
