import { fieldManager } from "../../config/vocabulary";
import { textAt } from "../json";

const identityOf = (entry: unknown): string =>
  ["manager", "operation", "apiVersion", "subresource"].map((key) => textAt(entry, key) ?? "").join("|");

/**
 * The list of field owners as it was before the verifier wrote, with what others wrote meanwhile kept.
 *
 * A write takes the ownership of the fields it changes away from Pulumi's server-side apply, and the next `pulumi up`
 * that changes them would end in a conflict. The API server takes an explicit list in a write that changes nothing else.
 */
export function restoredOwners(current: readonly unknown[], original: readonly unknown[]): unknown[] {
  const before = new Map(original.map((entry) => [identityOf(entry), entry]));
  const others = current.filter((entry) => textAt(entry, "manager") !== fieldManager);
  const kept = others.map((entry) => {
    // Istio writes the status continuously: its newest entry is the current one.
    if (textAt(entry, "subresource")) return entry;
    return before.get(identityOf(entry)) ?? entry;
  });
  const present = new Set(kept.map(identityOf));
  const lost = original.filter((entry) => !present.has(identityOf(entry)) && textAt(entry, "manager") !== fieldManager);
  return [...kept, ...lost];
}
