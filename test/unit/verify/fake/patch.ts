import { fieldManager } from "../../../../config/vocabulary";
import { at } from "../../../../verify/json";
import type { KubeObject, PatchOperation } from "../../../../verify/lab-client";

/** Applies a JSON patch like the API server, including field managers. */
export function applyPatch(before: KubeObject, operations: readonly PatchOperation[]): KubeObject {
  const after = structuredClone(before);
  for (const { op, path, value } of operations) {
    const keys = path
      .slice(1)
      .split("/")
      .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = keys.pop() ?? "";
    const holder = at(after, ...keys);
    if (typeof holder !== "object" || holder === null) throw new Error(`the path ${path} does not exist`);
    if (op === "test") {
      if (at(holder, last) !== value) throw new Error(`testing ${path}: the value differs`);
    } else if (op === "remove") {
      if (!Reflect.has(holder, last)) throw new Error(`the path ${path} does not exist`);
      Reflect.deleteProperty(holder, last);
    } else {
      Reflect.set(holder, last, structuredClone(value));
    }
  }
  const metadata = after.metadata ?? {};
  after.metadata = metadata;
  metadata.resourceVersion = String(Number(before.metadata?.resourceVersion ?? 1) + 1);
  // Without a list of managers, the manager of the write becomes the only owner of the changed fields.
  if (!operations.some(({ path }) => path === "/metadata/managedFields")) {
    metadata.managedFields = [{ manager: fieldManager, operation: "Update", apiVersion: "security.istio.io/v1" }];
  }
  return after;
}
