import { at, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh, NamespacedName } from "../../types";

/** The objects of each kind, cached for each mesh, since a matrix reads them thousands of times. */
const groups = new WeakMap<Mesh, ReadonlyMap<string, readonly KubeObject[]>>();

function groupsOf(mesh: Mesh): ReadonlyMap<string, readonly KubeObject[]> {
  const known = groups.get(mesh);
  if (known) return known;
  const made = new Map<string, KubeObject[]>();
  for (const object of mesh.objects) {
    const key = keyOf(object);
    const list = made.get(key);
    if (list) list.push(object);
    else made.set(key, [object]);
  }
  groups.set(mesh, made);
  return made;
}

/** Key of Istio's own kind Gateway, as opposed to that of the Gateway API. */
const istioGateway = "networking.istio.io Gateway";

const keyOf = ({ apiVersion = "", kind = "" }: KubeObject): string =>
  kind === "Gateway" && apiVersion.startsWith("networking.istio.io/") ? istioGateway : kind;

/** All objects of a kind; a "Gateway" is one of the Gateway API. */
export const objectsOf = (mesh: Mesh, kind: string): readonly KubeObject[] => groupsOf(mesh).get(kind) ?? [];

/** Objects of a kind in a namespace. */
export const objectsIn = (mesh: Mesh, kind: string, namespace: string): readonly KubeObject[] =>
  objectsOf(mesh, kind).filter(({ metadata }) => metadata?.namespace === namespace);

export const nameOf = ({ metadata }: KubeObject): NamespacedName => ({
  namespace: metadata?.namespace ?? "",
  name: metadata?.name ?? "",
});

export const isNamed = (object: KubeObject, { namespace, name }: NamespacedName): boolean =>
  object.metadata?.name === name && (object.metadata?.namespace ?? "") === namespace;

/** The object of a kind with this name; undefined when there is none. */
export const objectOf = (mesh: Mesh, kind: string, name: NamespacedName): KubeObject | undefined =>
  objectsOf(mesh, kind).find((object) => isNamed(object, name));

/** "Kind namespace/name", as decisions and findings name objects. */
export const titleOf = (object: KubeObject): string => `${object.kind} ${textOf(nameOf(object))}`;

export const textOf = ({ namespace, name }: NamespacedName): string => (namespace ? `${namespace}/${name}` : name);

export const labelsOf = ({ metadata }: KubeObject): Readonly<Record<string, string>> => metadata?.labels ?? {};

/** The Namespace object; a Namespace that was not read has no labels. */
export const namespaceLabels = (mesh: Mesh, name: string): Readonly<Record<string, string>> =>
  objectsOf(mesh, "Namespace").find(({ metadata }) => metadata?.name === name)?.metadata?.labels ?? {};

/** The order in which istiod sorts objects: the oldest first, then by name and namespace (sortConfigByCreationTime of pilot/pkg/model). */
export function byAge(objects: readonly KubeObject[]): KubeObject[] {
  const key = (object: KubeObject): [string, string] => [
    textAt(object, "metadata", "creationTimestamp") ?? "",
    `${object.metadata?.name}.${object.metadata?.namespace}`,
  ];
  return [...objects].sort((a, b) => {
    const [[x, xName], [y, yName]] = [key(a), key(b)];
    return x < y ? -1 : x > y ? 1 : xName < yName ? -1 : 1;
  });
}

/** Why a decision that depends on these kinds cannot be known; undefined when all were read. */
export function unreadReason({ unread }: Mesh, kinds: readonly string[]): string | undefined {
  const missing = unread.find(({ kind }) => kinds.includes(kind));
  return missing && `${missing.kind} objects could not be read (${missing.reason})`;
}

/** Whether an object is of a kind and group, as references name them: the core group has two names. */
export function refersTo(ref: unknown, group: string, kind: string): boolean {
  const named = textAt(ref, "group") ?? "";
  return (named === "core" ? "" : named) === group && at(ref, "kind") === kind;
}
