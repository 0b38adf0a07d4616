import { durationMs, labelKeys, ports, principalOf, serviceAccountOf, waypointName } from "../../config/vocabulary";
import { moduleOf, objects } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import type { LabFacts } from "../../experiments/types";
import { at, listAt, numberAt, textAt, textsAt } from "../json";
import type { KubeObject } from "../lab-client";
import type { Cause } from "../report/schema";

/** The objects of the lab that were found. */
export type Inventory = Partial<Record<LabObject, KubeObject>>;

/** One thing that the stack's outputs say about an object, beside what the object says. */
interface Claim {
  object: LabObject;
  field: string;
  wanted: string;
  found: string;
}

/** Differences between the stack's declaration and the cluster. */
export function driftOf(facts: LabFacts, inventory: Inventory): Cause[] {
  const claims = [
    ...enrolmentClaims(inventory),
    ...routeClaims(facts, inventory),
    ...policyClaims(facts, inventory),
    ...faultClaims(facts, inventory),
  ];
  return [
    ...presence(facts, inventory),
    ...claims.filter(({ object, wanted, found }) => inventory[object] && wanted !== found).map(differs),
  ];
}

const differs = ({ object, field, wanted, found }: Claim): Cause =>
  cause(object, `${object}: ${field} is ${found || "absent"}, the stack says ${wanted || "absent"}`);

const cause = (object: LabObject, what: string): Cause => ({
  kind: "drift",
  layer: objects[object].layer,
  object,
  what,
  fix: "npm run up",
});

/** Objects that the stack declares and the cluster lacks, or the other way round. */
function presence({ settings, versions }: LabFacts, inventory: Inventory): Cause[] {
  const optional: Partial<Record<LabObject, boolean>> = {
    "AuthorizationPolicy/appb-waypoint-only": settings.closeBypass,
    "VirtualService/appb-fault": settings.faultEnabled,
    "IPAddressPool/lab": versions.metallb !== undefined,
    "L2Advertisement/lab": versions.metallb !== undefined,
    "Service/prometheus": settings.addons.includes("prometheus"),
    "Service/grafana": settings.addons.includes("grafana"),
    "Service/tracing": settings.addons.includes("jaeger"),
    "Service/kiali": settings.addons.includes("kiali"),
  };
  return (Object.keys(objects) as LabObject[]).flatMap((object) => {
    const module = moduleOf(object);
    const wanted = module ? settings.modules.includes(module) : (optional[object] ?? true);
    const here = inventory[object] !== undefined;
    if (wanted === here) return [];
    return [cause(object, wanted ? `${object} does not exist` : `${object} exists, the stack has none`)];
  });
}

function enrolmentClaims(inventory: Inventory): Claim[] {
  const label = (object: LabObject, key: string, wanted: string): Claim => ({
    object,
    field: `label ${key}`,
    wanted,
    found: textAt(inventory[object], "metadata", "labels", key) ?? "",
  });
  return [
    label("Namespace/default", labelKeys.dataplaneMode, "ambient"),
    label("Service/appb", labelKeys.useWaypoint, waypointName),
    label("Service/appb", labelKeys.ingressUseWaypoint, "true"),
  ];
}

function routeClaims({ settings }: LabFacts, inventory: Inventory): Claim[] {
  const [gateway, route] = [inventory["Gateway/gateway"], inventory["HTTPRoute/appb"]];
  const parents = listAt(route, "spec", "parentRefs").map((parent) => textAt(parent, "name") ?? "?");
  const backends = listAt(route, "spec", "rules").flatMap((rule) =>
    listAt(rule, "backendRefs").map((ref) => `${textAt(ref, "name")}:${numberAt(ref, "port")}`),
  );
  // A module's listener is the module's.
  const listeners = listAt(gateway, "spec", "listeners").filter((listener) => textAt(listener, "name") !== "https");
  const hosts = listeners.map((listener) => textAt(listener, "hostname") ?? "*");
  return [
    { object: "Gateway/gateway", field: "listeners' hostname", wanted: `*.${settings.domain}`, found: hosts.join() },
    {
      object: "HTTPRoute/appb",
      field: "hostnames",
      wanted: `appb.${settings.domain}`,
      found: textsAt(route, "spec", "hostnames").join(),
    },
    { object: "HTTPRoute/appb", field: "parent", wanted: "gateway", found: parents.join() },
    { object: "HTTPRoute/appb", field: "backend", wanted: `appb:${ports.service}`, found: backends.join() },
  ];
}

function policyClaims({ settings }: LabFacts, inventory: Inventory): Claim[] {
  const callers = settings.allowedCallers.map((caller) => principalOf(serviceAccountOf(caller)));
  const l7 = "AuthorizationPolicy/appb-l7";
  const l4 = "AuthorizationPolicy/appb-waypoint-only";
  // A policy without callers has no rules, and then its methods mean nothing.
  const methods = callers.length > 0 ? settings.allowedMethods : [];
  return [
    { object: l7, field: "principals", wanted: words(callers), found: words(principalsOf(inventory[l7])) },
    { object: l7, field: "methods", wanted: words(methods), found: words(methodsOf(inventory[l7])) },
    { object: l7, field: "target", wanted: "Service/appb", found: targetOf(inventory[l7]) },
    { object: l4, field: "principals", wanted: principalOf(waypointName), found: words(principalsOf(inventory[l4])) },
    {
      object: l4,
      field: "selector",
      wanted: "appb",
      found: textAt(inventory[l4], "spec", "selector", "matchLabels", "app") ?? "",
    },
  ];
}

const words = (items: readonly string[]): string => [...new Set(items)].sort().join(" ");

const principalsOf = (policy: KubeObject | undefined): string[] =>
  listAt(policy, "spec", "rules").flatMap((rule) =>
    listAt(rule, "from").flatMap((from) => textsAt(from, "source", "principals")),
  );

function methodsOf(policy: KubeObject | undefined): string[] {
  const named = listAt(policy, "spec", "rules").filter((rule) => listAt(rule, "from").length > 0);
  return named.flatMap((rule) => listAt(rule, "to").flatMap((to) => textsAt(to, "operation", "methods")));
}

function targetOf(policy: KubeObject | undefined): string {
  const target = listAt(policy, "spec", "targetRefs")[0] ?? at(policy, "spec", "targetRef");
  return target ? `${textAt(target, "kind")}/${textAt(target, "name")}` : "";
}

function faultClaims({ settings }: LabFacts, inventory: Inventory): Claim[] {
  const object = "VirtualService/appb-fault";
  const routes = listAt(inventory[object], "spec", "http");
  const delay = at(routes[0], "fault", "delay");
  const catchAll = routes.some((route) => listAt(route, "match").length === 0);
  const claim = (field: string, wanted: string, found: string | undefined): Claim => ({
    object,
    field,
    wanted,
    found: found ?? "",
  });
  const duration = textAt(delay, "fixedDelay");
  const hosts = routes.flatMap((route) =>
    listAt(route, "route").map((each) => textAt(each, "destination", "host") ?? ""),
  );
  return [
    claim("path", settings.faultPath, textAt(routes[0], "match", 0, "uri", "prefix")),
    claim("delay", `${durationMs(settings.faultDelay)} ms`, duration && `${durationMs(duration)} ms`),
    claim("percent", String(settings.faultPercent), String(numberAt(delay, "percentage", "value") ?? 0)),
    claim("number of routes", "2", String(routes.length)),
    claim("destination", "appb", words(hosts)),
    claim("route for other paths", "present", catchAll ? "present" : "absent"),
  ];
}
