import { gatewayName, type Layer } from "../../config/vocabulary";
import { moduleOf, objects } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import type { LabFacts } from "../../experiments/types";
import { at, isRecord, textAt } from "../json";
import type { KubeObject } from "../lab-client";
import type { Cause } from "../report/schema";
import { isAssigned, withDefaults } from "./defaults";

/** The objects of the lab that were found. */
export type Inventory = Partial<Record<LabObject, KubeObject>>;

/** An object as one key: kind, namespace and name. */
export const keyOf = ({ kind, metadata }: KubeObject): string =>
  `${kind} ${metadata?.namespace ? `${metadata.namespace}/` : ""}${metadata?.name}`;

const named = new Map<string, LabObject>(
  (Object.keys(objects) as LabObject[]).map((name) => {
    const { kind, namespace, name: called } = objects[name];
    return [keyOf({ kind, metadata: { name: called, ...(namespace ? { namespace } : {}) } }), name];
  }),
);

/** The name that reports give an object: its own among the lab's objects, and else its key. */
const nameOf = (object: KubeObject): string => named.get(keyOf(object)) ?? keyOf(object);

/** Layers of the kinds of objects that have no entry of their own. */
const layers: Readonly<Record<string, Layer>> = {
  EndpointSlice: "app",
  Gateway: "gateway",
  Namespace: "ztunnel",
  NetworkPolicy: "app",
  PeerAuthentication: "ztunnel",
  Pod: "app",
  Service: "app",
};

/** Layer at which an object acts. */
export function layerOf(object: KubeObject): Layer {
  const own = named.get(keyOf(object));
  if (own) return objects[own].layer;
  const target = at(object, "spec", "targetRefs", 0) ?? at(object, "spec", "targetRef");
  if (object.kind === "AuthorizationPolicy" && !target) return "ztunnel";
  const parent = at(object, "spec", "parentRefs", 0);
  const isGateway = (ref: unknown) => textAt(ref, "kind") === "Gateway" && textAt(ref, "name") === gatewayName;
  if (isGateway(target) || (parent && isGateway({ kind: "Gateway", ...Object(parent) }))) return "gateway";
  return layers[object.kind ?? ""] ?? "waypoint";
}

/**
 * Differences between the stack's declaration and the cluster.
 * @param live the declared objects as they are in the cluster, in the order of the declaration
 */
export function driftOf(facts: LabFacts, inventory: Inventory, live: readonly (KubeObject | undefined)[]): Cause[] {
  return [
    ...presence(facts, inventory),
    ...facts.declared.flatMap((declared, index) => {
      const found = live[index];
      const object = nameOf(declared);
      // Absent objects of the tables are told by `presence`.
      if (!found)
        return named.has(keyOf(declared)) ? [] : [cause(object, layerOf(declared), `${object} does not exist`)];
      return differencesOf(declared, found).map(({ path, wanted, seen }) =>
        cause(object, layerOf(declared), `${object}: ${path} is ${seen}, the stack says ${wanted}`),
      );
    }),
  ];
}

const cause = (object: string, layer: Layer, what: string): Cause => ({
  ...{ kind: "drift", layer, object, what },
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
    const what = wanted ? `${object} does not exist` : `${object} exists, the stack has none`;
    return [cause(object, objects[object].layer, what)];
  });
}

/** One field that is not as declared. */
interface Difference {
  path: string;
  wanted: string;
  seen: string;
}

function differencesOf(declared: KubeObject, live: KubeObject): Difference[] {
  const kind = declared.kind ?? "";
  return [
    ...marks(declared, live, "labels"),
    ...marks(declared, live, "annotations"),
    // A Namespace is declared without a spec.
    ...fieldsOf(withDefaults(kind, declared.spec ?? {}), withDefaults(kind, live.spec ?? {}), "spec").filter(
      ({ path, wanted }) => wanted !== absent || !isAssigned(kind, path),
    ),
  ];
}

const absent = "absent";
const word = (value: unknown): string =>
  value === undefined || value === "" ? absent : typeof value === "string" ? value : JSON.stringify(value);

/** Labels and annotations by which Istio and the Gateway API are told what to do; istiod notes its own version at a Gateway. */
const isTold = (key: string): boolean =>
  /(^|\.)(istio\.io|gateway\.networking\.k8s\.io)\//.test(key) && !key.startsWith("gateway.istio.io/");

/** Declared labels or annotations, and others that Istio reads. Pulumi's own annotations are for Pulumi alone. */
function marks(declared: KubeObject, live: KubeObject, field: "labels" | "annotations"): Difference[] {
  const [wanted, found] = [declared, live].map((object) => object.metadata?.[field] ?? {});
  const keys = [...Object.keys(wanted ?? {}), ...Object.keys(found ?? {}).filter(isTold)];
  const one = field === "labels" ? "label" : "annotation";
  return [...new Set(keys)]
    .filter((key) => !key.startsWith("pulumi.com/") && wanted?.[key] !== found?.[key])
    .map((key) => ({ path: `${one} ${key}`, wanted: word(wanted?.[key]), seen: word(found?.[key]) }));
}

/** Fields that differ. An empty list or object is the same as none. */
function fieldsOf(wanted: unknown, found: unknown, path: string): Difference[] {
  if (Array.isArray(wanted) && Array.isArray(found)) {
    const count = Math.max(wanted.length, found.length);
    return Array.from({ length: count }, (_, index) =>
      fieldsOf(wanted[index], found[index], `${path}[${index}]`),
    ).flat();
  }
  if (isRecord(wanted) && isRecord(found)) {
    const keys = new Set([...Object.keys(wanted), ...Object.keys(found)]);
    return [...keys].flatMap((key) => fieldsOf(wanted[key], found[key], `${path}.${key}`));
  }
  const [a, b] = [wanted, found].map((value) => word(isEmpty(value) ? undefined : value));
  return a === b ? [] : [{ path, wanted: a ?? "", seen: b ?? "" }];
}

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;
