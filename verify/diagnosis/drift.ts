import { gatewayName, type Layer } from "../../config/vocabulary";
import { moduleOf, objects } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import type { LabFacts } from "../../experiments/types";
import { at, differences, isRecord, textAt } from "../json";
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
  Deployment: "istiod",
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
      // `presence` reports missing objects of the tables.
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
    ...differences(specOf(declared), specOf(live), "spec")
      .filter(({ path, wanted }) => wanted !== undefined || !isAssigned(kind, path))
      .map(({ path, wanted, found }) => ({ path, wanted: word(wanted), seen: word(found) })),
  ];
}

/** The spec with the defaults of its kind. */
const specOf = ({ kind = "", spec = {} }: KubeObject): unknown => withoutEmptyFields(withDefaults(kind, spec));

/**
 * The value without fields that are an empty list or an empty text, which the APIs treat like missing ones. Items of lists and empty
 * objects stay: an empty rule or selector differs from a missing one.
 */
function withoutEmptyFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmptyFields);
  if (!isRecord(value)) return value;
  const isEmpty = (each: unknown) => each === "" || (Array.isArray(each) && each.length === 0);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (isEmpty(each) ? [] : [[key, withoutEmptyFields(each)]])),
  );
}

const word = (value: unknown): string =>
  value === undefined ? "absent" : typeof value === "string" && value !== "" ? value : JSON.stringify(value);

/** Labels and annotations that configure Istio or the Gateway API, without those that istiod itself writes to a Gateway. */
const isSetting = (key: string): boolean =>
  /(^|\.)(istio\.io|gateway\.networking\.k8s\.io)\//.test(key) && !key.startsWith("gateway.istio.io/");

/** Declared labels or annotations, and further ones that Istio reads, without the annotations of Pulumi. */
function marks(declared: KubeObject, live: KubeObject, field: "labels" | "annotations"): Difference[] {
  const [wanted, found] = [declared, live].map((object) => object.metadata?.[field] ?? {});
  const keys = [...Object.keys(wanted ?? {}), ...Object.keys(found ?? {}).filter(isSetting)];
  const one = field === "labels" ? "label" : "annotation";
  return [...new Set(keys)]
    .filter((key) => !key.startsWith("pulumi.com/") && wanted?.[key] !== found?.[key])
    .map((key) => ({ path: `${one} ${key}`, wanted: word(wanted?.[key]), seen: word(found?.[key]) }));
}
