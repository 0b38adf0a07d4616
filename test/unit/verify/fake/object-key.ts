import type { KubeObject } from "../../../../verify/lab-client";

/** The key of an object in the fake lab, such as "Service/default/appb" or "Namespace//default". */
export const keyOf = (kind = "", namespace = "", name = ""): string => `${kind}/${namespace}/${name}`;

/** {@link keyOf} of an object. */
export const keyOfObject = ({ kind, metadata }: KubeObject): string => keyOf(kind, metadata?.namespace, metadata?.name);

/** An object by its key. */
export function objectOf(apiVersion: string, key: string, fields: object, metadata: object = {}): KubeObject {
  const [kind = "", namespace, name] = key.split("/");
  return { apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}), ...metadata }, ...fields };
}

/** Whether the labels hold all that a selector asks for. */
export const selects = (selector: unknown, labels: object): boolean =>
  Object.entries(Object(selector)).every(([key, value]) => Reflect.get(labels, key) === value);
