import { at, isKind, isOnPurpose, listAt, type Manifest, mapAt, nameOf, sameNamespace, textsAt } from "./manifest";

const isPolicy = (object: Manifest): boolean => isKind(object, "security.istio.io", "AuthorizationPolicy");
const waypointLabel = "istio.io/use-waypoint";

/**
 * Services that send their callers to a waypoint while their pods let in whoever comes another way. The caller's side
 * chooses the way through the waypoint; only a policy on the pods makes it the only one.
 */
export function bypassableServices(objects: readonly Manifest[]): string[] {
  return objects
    .filter((object) => isKind(object, "", "Service") && !isOnPurpose(object, "waypoint-only"))
    .flatMap((service) => {
      const waypoint = service.metadata?.labels?.[waypointLabel];
      if (!waypoint || waypoint === "none") return [];
      const guarded = objects.some((policy) => isPolicy(policy) && guards(policy, service, waypoint));
      if (guarded) return [];
      return [
        `${nameOf(service)} sends its callers to waypoint "${waypoint}", but no AuthorizationPolicy on its pods lets in that waypoint alone: a pod address walks around it (closeBypass: true)`,
      ];
    });
}

/** Whether a policy on the Service's pods lets in the waypoint's identity and no other. */
function guards(policy: Manifest, service: Manifest, waypoint: string): boolean {
  const labels = mapAt(policy.spec, "selector", "matchLabels");
  const pods = mapAt(service.spec, "selector");
  const selects = Object.keys(labels).length > 0 && Object.entries(labels).every(([key, value]) => pods[key] === value);
  if (!selects || !sameNamespace(policy, service) || (at(policy.spec, "action") ?? "ALLOW") !== "ALLOW") return false;
  const rules = listAt(policy.spec, "rules");
  return rules.length > 0 && rules.every((rule) => onlyFrom(rule, `/sa/${waypoint}`));
}

function onlyFrom(rule: unknown, account: string): boolean {
  const sources = listAt(rule, "from");
  // A source without principals, or a rule without sources, lets in everybody else, too.
  return (
    sources.length > 0 &&
    sources.every((source) => {
      const principals = textsAt(source, "source", "principals");
      return principals.length > 0 && principals.every((principal) => principal.endsWith(account));
    })
  );
}

const classesWithoutPolicies = /^istio-agentgateway(-waypoint)?$/;

/**
 * Policies of a waypoint or gateway that is an agentgateway. Istio accepts them, says so in their status, and does not hand
 * them on: nobody enforces them.
 */
export function unheardPolicies(objects: readonly Manifest[]): string[] {
  const deaf = objects.filter(
    (object) =>
      isKind(object, "gateway.networking.k8s.io", "Gateway") &&
      classesWithoutPolicies.test(String(at(object.spec, "gatewayClassName"))),
  );
  return objects
    .filter((object) => isPolicy(object) && !isOnPurpose(object, "enforced-at-waypoint"))
    .flatMap((policy) =>
      targetsOf(policy).flatMap((target) => {
        const gateway = deaf.find((each) => decidesFor(each, policy, target, objects));
        if (!gateway) return [];
        return [
          `${nameOf(policy)} is for ${nameOf(gateway)}, an agentgateway, which gets no AuthorizationPolicy: Istio accepts it, and nobody enforces it. Use gatewayClassName ${String(at(gateway.spec, "gatewayClassName")).replace("-agentgateway", "")}`,
        ];
      }),
    );
}

/** What a policy is for, in either spelling. */
function targetsOf({ spec }: Manifest): readonly unknown[] {
  const one = at(spec, "targetRef");
  return one === undefined ? listAt(spec, "targetRefs") : [one];
}

/** Whether a policy's target is a Gateway, or a Service whose callers are sent to it. */
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
 * Fields of layer 7 in a policy that ztunnel enforces. It reads no HTTP: an ALLOW rule with such a field matches nothing,
 * so that it denies all, and a DENY rule matches more than was meant.
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
