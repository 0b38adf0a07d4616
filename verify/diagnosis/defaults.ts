/**
 * Defaults of the API server: the path of a field, with `[]` for each item of a list, and its value.
 * From the CRDs' schemas of the Gateway API 1.6 (config/crd/standard) and MetalLB 0.16 (config/crd/bases), and from Kubernetes 1.36
 * (pkg/apis/core/v1/defaults.go). The CRDs of Istio 1.31 have no defaults. A default object precedes the defaults of its fields.
 */
const defaults: Readonly<Record<string, readonly (readonly [path: string, value: unknown])[]>> = {
  HTTPRoute: [
    ["parentRefs[].group", "gateway.networking.k8s.io"],
    ["parentRefs[].kind", "Gateway"],
    ["rules[].matches", [{}]],
    ["rules[].matches[].path", {}],
    ["rules[].matches[].path.type", "PathPrefix"],
    ["rules[].matches[].path.value", "/"],
    ["rules[].matches[].headers[].type", "Exact"],
    ["rules[].backendRefs[].group", ""],
    ["rules[].backendRefs[].kind", "Service"],
    ["rules[].backendRefs[].weight", 1],
    ["rules[].filters[].requestMirror.backendRef.group", ""],
    ["rules[].filters[].requestMirror.backendRef.kind", "Service"],
    ["rules[].filters[].requestRedirect.statusCode", 302],
  ],
  Gateway: [
    ["listeners[].allowedRoutes", {}],
    ["listeners[].allowedRoutes.namespaces", {}],
    ["listeners[].allowedRoutes.namespaces.from", "Same"],
    ["listeners[].tls.mode", "Terminate"],
    ["listeners[].tls.certificateRefs[].group", ""],
    ["listeners[].tls.certificateRefs[].kind", "Secret"],
  ],
  IPAddressPool: [
    ["autoAssign", true],
    ["avoidBuggyIPs", false],
  ],
  Service: [
    ["type", "ClusterIP"],
    ["sessionAffinity", "None"],
    ["internalTrafficPolicy", "Cluster"],
    ["ports[].protocol", "TCP"],
  ],
};

/** Fields that the cluster assigns when an object does not set them. */
const assigned: Readonly<Record<string, RegExp>> = {
  GatewayClass: /^spec\.description$/,
  Namespace: /^spec\.finalizers$/,
  // A NodePort Service has externalTrafficPolicy "Cluster" by default, a ClusterIP Service none.
  Service:
    /^spec\.(clusterIPs?|ipFamilies|ipFamilyPolicy|externalTrafficPolicy|healthCheckNodePort|ports\[\d+\]\.(nodePort|targetPort))$/,
};

/** Whether the cluster assigns a field that an object does not set. */
export const isAssigned = (kind: string, path: string): boolean => assigned[kind]?.test(path) ?? false;

/** A spec with the defaults of its kind. */
export function withDefaults(kind: string, spec: unknown): unknown {
  const filled: unknown = structuredClone(spec);
  for (const [path, value] of defaults[kind] ?? []) fill(filled, path.split("."), value);
  return filled;
}

function fill(holder: unknown, [step = "", ...rest]: readonly string[], value: unknown): void {
  if (typeof holder !== "object" || holder === null) return;
  const key = step.replace("[]", "");
  if (rest.length === 0) {
    if (Reflect.get(holder, key) === undefined) Reflect.set(holder, key, structuredClone(value));
    return;
  }
  const next: unknown = Reflect.get(holder, key);
  for (const item of Array.isArray(next) ? next : [next]) fill(item, rest, value);
}
