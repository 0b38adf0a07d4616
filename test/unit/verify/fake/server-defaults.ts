import type { KubeObject } from "../../../../verify/lab-client";

type Fields = Record<string, unknown>;

const items = (value: unknown): Fields[] => (Array.isArray(value) ? value : []);
const mapped = (value: unknown, to: (item: Fields) => Fields): unknown =>
  Array.isArray(value) ? items(value).map(to) : value;

const backend = (ref: Fields): Fields => ({ group: "", kind: "Service", ...ref });

function filter(each: Fields): Fields {
  const { requestMirror, requestRedirect } = each as { requestMirror?: Fields; requestRedirect?: Fields };
  return {
    ...each,
    ...(requestMirror
      ? { requestMirror: { ...requestMirror, backendRef: backend(Object(requestMirror.backendRef)) } }
      : {}),
    ...(requestRedirect ? { requestRedirect: { statusCode: 302, ...requestRedirect } } : {}),
  };
}

const match = (each: Fields): Fields => ({
  ...each,
  path: { type: "PathPrefix", value: "/", ...Object(each.path) },
  ...(each.headers ? { headers: mapped(each.headers, (header) => ({ type: "Exact", ...header })) } : {}),
});

/** The specs of kinds with defaults, as a kube-apiserver stores them: by the schemas of the CRDs, and for a Service by its built-in defaults. */
const filled: Readonly<Record<string, (spec: Fields) => Fields>> = {
  HTTPRoute: (spec) => ({
    ...spec,
    parentRefs: mapped(spec.parentRefs, (ref) => ({ group: "gateway.networking.k8s.io", kind: "Gateway", ...ref })),
    rules: mapped(spec.rules, (rule) => ({
      ...rule,
      matches: mapped(rule.matches ?? [{}], match),
      ...(rule.filters ? { filters: mapped(rule.filters, filter) } : {}),
      ...(rule.backendRefs ? { backendRefs: mapped(rule.backendRefs, (ref) => ({ weight: 1, ...backend(ref) })) } : {}),
    })),
  }),
  Gateway: (spec) => ({
    ...spec,
    listeners: mapped(spec.listeners, (listener) => ({
      ...listener,
      allowedRoutes: {
        ...Object(listener.allowedRoutes),
        namespaces: { from: "Same", ...Object(Object(listener.allowedRoutes).namespaces) },
      },
    })),
  }),
  // Kubernetes 1.34, pkg/registry/core/namespace/strategy.go, PrepareForCreate().
  Namespace: (spec) => ({ finalizers: ["kubernetes"], ...spec }),
  IPAddressPool: (spec) => ({ autoAssign: true, avoidBuggyIPs: false, ...spec }),
  Service: (spec) => ({
    ...{ clusterIP: "10.96.65.30", clusterIPs: ["10.96.65.30"], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" },
    ...{ internalTrafficPolicy: "Cluster", sessionAffinity: "None", type: "ClusterIP" },
    ...(spec.type && spec.type !== "ClusterIP" ? { externalTrafficPolicy: "Cluster" } : {}),
    ...spec,
    ports: mapped(spec.ports, (port) => ({ protocol: "TCP", targetPort: port.port, ...port })),
  }),
};

/** An object as in an answer of the API server. */
export function served(object: KubeObject | undefined): KubeObject | undefined {
  const fill = filled[object?.kind ?? ""];
  if (!object || !fill) return object;
  return { ...object, spec: fill(Object(object.spec)) };
}
