import { at, isKind, isOnPurpose, listAt, type Manifest, mapAt, nameOf, sameNamespace, textsAt } from "./manifest";

const isPolicy = (object: Manifest): boolean => isKind(object, "security.istio.io", "AuthorizationPolicy");
const waypointLabel = "istio.io/use-waypoint";
/** Policies in this namespace apply to the whole mesh. */
const rootNamespace = "istio-system";

/**
 * Services with a waypoint whose pods accept connections that bypass it. The client side routes requests through the waypoint;
 * only a policy on the pods enforces it.
 */
export function bypassableServices(objects: readonly Manifest[]): string[] {
  return objects
    .filter((object) => isKind(object, "", "Service") && !isOnPurpose(object, "waypoint-only"))
    .flatMap((service) => {
      const waypoint = service.metadata?.labels?.[waypointLabel];
      if (!waypoint || waypoint === "none") return [];
      const allowing = objects.filter((policy) => isPolicy(policy) && allowsTo(policy, service));
      // A request is allowed if one of the ALLOW policies allows it.
      if (allowing.length > 0 && allowing.every((policy) => allowsOnly(policy, waypointsOf(service, objects))))
        return [];
      return [
        `${nameOf(service)} sends its callers to waypoint "${waypoint}", but no AuthorizationPolicy on its pods lets in that waypoint alone: a pod address walks around it (closeBypass: true)`,
      ];
    });
}

/** Identities of the waypoints of all Services with the same pods. */
function waypointsOf(service: Manifest, objects: readonly Manifest[]): string[] {
  const pods = (each: Manifest) => JSON.stringify(Object.entries(mapAt(each.spec, "selector")).sort());
  return objects
    .filter((each) => isKind(each, "", "Service") && sameNamespace(each, service) && pods(each) === pods(service))
    .flatMap(({ metadata }) => {
      const waypoint = metadata?.labels?.[waypointLabel];
      const namespace = metadata?.labels?.[`${waypointLabel}-namespace`] ?? metadata?.namespace ?? "default";
      return waypoint && waypoint !== "none" ? [`/ns/${namespace}/sa/${waypoint}`] : [];
    });
}

/** Whether an ALLOW policy applies to the Service's pods: to them, their namespace or the whole mesh. */
function allowsTo(policy: Manifest, service: Manifest): boolean {
  if ((at(policy.spec, "action") ?? "ALLOW") !== "ALLOW" || targetsOf(policy).length > 0) return false;
  const labels = mapAt(policy.spec, "selector", "matchLabels");
  const pods = mapAt(service.spec, "selector");
  const selects = Object.entries(labels).every(([key, value]) => pods[key] === value);
  return selects && (sameNamespace(policy, service) || policy.metadata?.namespace === rootNamespace);
}

/** Whether a policy allows only these identities. */
function allowsOnly(policy: Manifest, accounts: readonly string[]): boolean {
  return listAt(policy.spec, "rules").every((rule) => onlyFrom(rule, accounts));
}

function onlyFrom(rule: unknown, accounts: readonly string[]): boolean {
  const sources = listAt(rule, "from");
  // A source without principals, or a rule without sources, allows every identity.
  return (
    sources.length > 0 &&
    sources.every((source) => {
      const principals = textsAt(source, "source", "principals");
      return (
        principals.length > 0 &&
        principals.every((principal) => accounts.some((account) => principal.endsWith(account)))
      );
    })
  );
}

const classesWithoutPolicies = /^istio-agentgateway(-waypoint)?$/;

/**
 * Policies of a waypoint or gateway of agentgateway. Istio accepts them, as their status shows, but does not send them to the
 * proxy: they are not enforced.
 */
export function unenforcedPolicies(objects: readonly Manifest[]): string[] {
  const agentgateways = objects.filter(
    (object) =>
      isKind(object, "gateway.networking.k8s.io", "Gateway") &&
      classesWithoutPolicies.test(String(at(object.spec, "gatewayClassName"))),
  );
  return objects
    .filter((object) => isPolicy(object) && !isOnPurpose(object, "enforced-at-waypoint"))
    .flatMap((policy) =>
      targetsOf(policy).flatMap((target) => {
        const gateway = agentgateways.find((each) => decidesFor(each, policy, target, objects));
        if (!gateway) return [];
        return [
          `${nameOf(policy)} is for ${nameOf(gateway)}, an agentgateway, which gets no AuthorizationPolicy: Istio accepts it, and no proxy enforces it. Use gatewayClassName ${String(at(gateway.spec, "gatewayClassName")).replace("-agentgateway", "")}`,
        ];
      }),
    );
}

/** Targets of a policy: its `targetRef` or `targetRefs`. */
function targetsOf({ spec }: Manifest): readonly unknown[] {
  const one = at(spec, "targetRef");
  return one === undefined ? listAt(spec, "targetRefs") : [one];
}

/** Whether a Gateway is the target of a policy, or the waypoint of a Service that is the target. */
function decidesFor(gateway: Manifest, policy: Manifest, target: unknown, objects: readonly Manifest[]): boolean {
  const name = gateway.metadata?.name;
  if (at(target, "kind") === "Gateway") return at(target, "name") === name && sameNamespace(gateway, policy);
  return objects.some((service) => {
    const labels = service.metadata?.labels ?? {};
    const namespace = labels["istio.io/use-waypoint-namespace"] ?? service.metadata?.namespace;
    const there = { metadata: { ...(namespace ? { namespace } : {}) } };
    return (
      service.kind === at(target, "kind") &&
      service.metadata?.name === at(target, "name") &&
      sameNamespace(service, policy) &&
      labels[waypointLabel] === name &&
      sameNamespace(there, gateway)
    );
  });
}

const operationFields = ["hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"];
const sourceFields = ["requestPrincipals", "notRequestPrincipals", "remoteIpBlocks", "notRemoteIpBlocks"];

/**
 * Layer 7 fields in a policy that ztunnel enforces. ztunnel does not read HTTP: an ALLOW rule with such a field never matches, and
 * a DENY rule ignores the field.
 */
export function layer7OnSelector(policy: Manifest): string[] {
  if (!isPolicy(policy) || isOnPurpose(policy, "layer-7-by-target")) return [];
  if (targetsOf(policy).length > 0) return [];
  const fields = listAt(policy.spec, "rules").flatMap((rule) => [
    ...listAt(rule, "to").flatMap((to) => fieldsIn(at(to, "operation"), operationFields)),
    ...listAt(rule, "from").flatMap((from) => fieldsIn(at(from, "source"), sourceFields)),
    ...listAt(rule, "when").flatMap((when) => {
      const key = at(when, "key");
      return typeof key === "string" && key.startsWith("request.") ? [key] : [];
    }),
  ]);
  if (fields.length === 0) return [];
  return [
    `${nameOf(policy)} asks for ${[...new Set(fields)].join(", ")} on pods, where ztunnel decides and reads no HTTP: attach it to a Service or a waypoint by targetRefs`,
  ];
}

const fieldsIn = (value: unknown, names: readonly string[]): string[] =>
  names.filter((name) => listAt(value, name).length > 0);
