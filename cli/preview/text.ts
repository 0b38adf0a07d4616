import type { Change, ComponentChange, PreviewModel, ResourceChange } from "./model";
import type { PropertyChange } from "./properties";

const signs: Record<Change, string> = { create: "+", update: "~", replace: "±", delete: "-" };
const order: readonly Change[] = ["create", "update", "replace", "delete"];
/** A replaced cluster takes everything in it along; beyond this many the list of resources says no more than a number. */
const listedAtMost = 6;

/** The preview as a sentence and a line per component. */
export function previewText({ stack, counts, components }: PreviewModel): string {
  const parts = order.filter((change) => counts[change] > 0).map((change) => `${counts[change]} to ${change}`);
  const total = parts.length > 0 ? parts.join(", ") : `nothing to change, ${counts.same} as they are`;
  const width = Math.max(0, ...components.map(({ component }) => component.length));
  const replaced = components.flatMap(({ resources }) => resources).find(replacesCluster);
  return [
    `Lab "${stack}": ${total}`,
    ...(replaced ? ["  The cluster is made anew, and all that is in it with it."] : []),
    ...components.flatMap((each) => componentLines(each, width)),
    "",
  ].join("\n");
}

function replacesCluster({ change, kind, name }: ResourceChange): boolean {
  return change === "replace" && kind === "Command" && name === "kind";
}

function componentLines({ component, resources }: ComponentChange, width: number): string[] {
  const head = component.padEnd(width);
  const told = resources.filter(({ properties }) => properties.length > 0);
  const silent = resources.filter(({ properties }) => properties.length === 0);
  const lines = order.flatMap((change) => {
    const same = silent.filter((each) => each.change === change);
    return same.length > 0 ? [`${signs[change]} ${head}  ${summary(same)}`] : [];
  });
  for (const { change, kind, name, properties } of told) {
    const what = `${signs[change]} ${head}  ${kind} ${name}`;
    if (change === "replace") lines.push(`${what}  because of ${properties.map(propertyText).join("; ")}`);
    else lines.push(...properties.map((property) => `${what}  ${propertyText(property)}`));
  }
  return lines;
}

/** "Release base, istiod, cni; CustomResource telemetry": kinds with the names of that kind. */
function summary(resources: readonly ResourceChange[]): string {
  const kinds = new Map<string, string[]>();
  for (const { kind, name } of resources) kinds.set(kind, [...(kinds.get(kind) ?? []), name]);
  return [...kinds]
    .map(([kind, names]) => (names.length > listedAtMost ? `${names.length} ${kind}s` : `${kind} ${names.join(", ")}`))
    .join("; ");
}

function propertyText({ path, old, new: now }: PropertyChange): string {
  if (old === undefined && now === undefined) return path;
  if (now === undefined) return `${path}: - ${valueText(old)}`;
  if (old === undefined) return `${path}: + ${valueText(now)}`;
  return `${path}: ${valueText(old)} → ${valueText(now)}`;
}

function valueText(value: unknown): string {
  const text = Array.isArray(value)
    ? value.map(valueText).join(", ")
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > 80 ? `${line.slice(0, 77)}…` : line;
}
