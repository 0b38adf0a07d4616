import type { KubeObject } from "../../../../verify/lab-client";

/** The key of an object in the fake lab, such as "Service/default/appb" or "Namespace//default". */
export const keyOf = (kind = "", namespace = "", name = ""): string => `${kind}/${namespace}/${name}`;

/** {@link keyOf} of an object. */
export const keyOfObject = ({ kind, metadata }: KubeObject): string => keyOf(kind, metadata?.namespace, metadata?.name);

/** Objects by their keys and by kind. */
export class ObjectMap extends Map<string, KubeObject> {
  #byKind: Map<string, KubeObject[]> | undefined;

  override set(key: string, object: KubeObject): this {
    this.#byKind = undefined;
    return super.set(key, object);
  }

  override delete(key: string): boolean {
    this.#byKind = undefined;
    return super.delete(key);
  }

  /** The objects of a kind, in the order in which they were added. */
  ofKind(kind: string): readonly KubeObject[] {
    if (!this.#byKind) {
      this.#byKind = new Map();
      for (const object of this.values()) {
        const { kind = "" } = object;
        const found = this.#byKind.get(kind);
        if (found) found.push(object);
        else this.#byKind.set(kind, [object]);
      }
    }
    return this.#byKind.get(kind) ?? [];
  }

  copy(): ObjectMap {
    const copy = new ObjectMap();
    for (const [key, object] of this) copy.set(key, structuredClone(object));
    return copy;
  }
}

/** An object by its key. */
export function objectOf(apiVersion: string, key: string, fields: object, metadata: object = {}): KubeObject {
  const [kind = "", namespace, name] = key.split("/");
  return { apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}), ...metadata }, ...fields };
}

/** Whether labels match a selector. */
export const selects = (selector: unknown, labels: object): boolean =>
  Object.entries(Object(selector)).every(([key, value]) => Reflect.get(labels, key) === value);
