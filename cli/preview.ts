import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/events";
import { ExitCode, LabErrors, type Problem } from "../host/errors";
import { plain } from "./engine/failure";
import { Components, isBookkeeping, isComponent, parseUrn, shortName } from "./engine/urn";

/** Kind of a change. A replacement is one change, although the engine reports three steps. */
type Change = "create" | "update" | "replace" | "delete";

/** One resource that would change. */
interface ResourceChange {
  change: Change;
  kind: string;
  /** `metadata.name` of the object, else the name in the program. */
  name: string;
  urn: string;
  /** Changed properties; for a replacement only those that require it. */
  properties: PropertyChange[];
}

/** All changes in one component. */
interface ComponentChange {
  component: string;
  resources: ResourceChange[];
}

/** The changes of the next `up`. */
export interface PreviewModel {
  stack: string;
  counts: Record<Change | "same", number>;
  components: ComponentChange[];
  /** Lines about drift since the last `up`. */
  drift: readonly string[];
}

const changes: Partial<Record<StepEventMetadata["op"], Change>> = {
  create: "create",
  update: "update",
  replace: "replace",
  delete: "delete",
};

/** Collects a preview from the engine's events. */
export class PreviewCollector {
  readonly #components = new Components();
  readonly #steps = new Map<string, StepEventMetadata>();
  #same = 0;

  add(event: EngineEvent): void {
    const step = event.resourcePreEvent?.metadata;
    if (!step) return;
    this.#components.add(step.urn, (step.new ?? step.old)?.parent);
    // An "update" of a component changes nothing by itself.
    if (isBookkeeping(step.type) || isComponent(step.type)) return;
    if (step.op === "same") this.#same += 1;
    if (!changes[step.op]) return;
    this.#steps.set(step.urn, step);
  }

  /** The preview, after the engine has finished. */
  model(stack: string, drift: readonly string[] = []): PreviewModel {
    const counts: PreviewModel["counts"] = { create: 0, update: 0, replace: 0, delete: 0, same: this.#same };
    const components = new Map<string, ResourceChange[]>();
    for (const step of this.#steps.values()) {
      const change = changes[step.op];
      if (!change) continue;
      counts[change] += 1;
      const component = this.#components.of(step.urn);
      const resources = components.get(component) ?? [];
      resources.push(resourceChange(step, change, component));
      components.set(component, resources);
    }
    const changed = [...components].map(([component, resources]) => ({ component, resources }));
    return { stack, counts, components: changed, drift };
  }
}

function resourceChange(step: StepEventMetadata, change: Change, component: string): ResourceChange {
  const { kind, name } = parseUrn(step.urn);
  const own: unknown = (step.new ?? step.old)?.inputs?.metadata?.name;
  const properties = change === "update" || change === "replace" ? propertyChanges(step, change) : [];
  return { change, kind, name: typeof own === "string" ? own : shortName(name, component), urn: step.urn, properties };
}

/** One property that changes. */
interface PropertyChange {
  /** Path as the engine writes it: `spec.rules[0].to`. */
  path: string;
  old?: unknown;
  new?: unknown;
}

/** The engine's placeholder for a value that is not known yet. */
const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const afterwards = "known afterwards";

/** The changed properties of a step. Lists are shown by their added and removed items, not by index. */
function propertyChanges(step: StepEventMetadata, change: "update" | "replace"): PropertyChange[] {
  const diff = Object.entries(step.detailedDiff ?? {});
  const forcing = diff.filter(([, { diffKind }]) => diffKind.endsWith("-replace"));
  const paths = (change === "replace" && forcing.length > 0 ? forcing : diff).map(([path]) => path);
  const chosen = paths.length > 0 ? paths : [...(step.keys ?? []), ...(step.diffs ?? [])];
  const seen = new Map<string, PropertyChange>();
  for (const path of chosen) {
    const list = listAround(path, step);
    const found = list ?? { path, ...valuesAt(path, step) };
    seen.set(found.path, found);
  }
  return [...seen.values()];
}

/** The change of a list of plain values, if the path is one of its items. */
function listAround(path: string, step: StepEventMetadata): PropertyChange | undefined {
  const parent = /^(.*)\[\d+\]$/.exec(path)?.[1];
  if (parent === undefined) return undefined;
  const { old, new: now } = valuesAt(parent, step);
  if (!isPlainList(old) || !isPlainList(now)) return undefined;
  const left = old.filter((item) => !now.includes(item));
  const entered = now.filter((item) => !old.includes(item));
  if (left.length === 0 && entered.length === 0) return undefined;
  return { path: parent, ...(left.length > 0 ? { old: left } : {}), ...(entered.length > 0 ? { new: entered } : {}) };
}

function isPlainList(value: unknown): value is (string | number | boolean)[] {
  return Array.isArray(value) && value.every((item) => typeof item !== "object");
}

function valuesAt(path: string, step: StepEventMetadata): Pick<PropertyChange, "old" | "new"> {
  const old = at(step.old?.inputs, path) ?? at(step.old?.outputs, path);
  const now = at(step.new?.inputs, path);
  return { ...(old === undefined ? {} : { old: told(old) }), ...(now === undefined ? {} : { new: told(now) }) };
}

function told(value: unknown): unknown {
  if (value === unknownValue) return afterwards;
  if (Array.isArray(value)) return value.map(told);
  return value;
}

/** Follows a path of names, `["quoted names"]` and `[indexes]`. */
function at(value: unknown, path: string): unknown {
  let here = value;
  for (const [, quoted, index, name] of path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)) {
    if (typeof here !== "object" || here === null) return undefined;
    const key = quoted ?? index ?? name ?? "";
    here = Object.entries(here).find(([each]) => each === key)?.[1];
  }
  return here;
}

const signs: Record<Change, string> = { create: "+", update: "~", replace: "±", delete: "-" };
const order: readonly Change[] = ["create", "update", "replace", "delete"];
/** Maximum number of resources of a kind that are listed by name. */
const listedAtMost = 6;

/** The preview as a sentence and a line per component. */
export function previewText({ stack, counts, components, drift }: PreviewModel): string {
  const parts = order.filter((change) => counts[change] > 0).map((change) => `${counts[change]} to ${change}`);
  const total = parts.length > 0 ? parts.join(", ") : `nothing to change, ${counts.same} as they are`;
  const width = Math.max(0, ...components.map(({ component }) => component.length));
  const replaced = components.flatMap(({ resources }) => resources).find(replacesCluster);
  return [
    `Lab "${stack}": ${total}`,
    ...(replaced ? ["  The cluster is replaced, with everything in it."] : []),
    ...components.flatMap((each) => componentLines(each, width)),
    ...drift.map((line) => `! ${line}`),
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

/** Collects the violations of the policy pack during a preview. */
export class PolicyCollector {
  readonly #broken: Problem[] = [];
  readonly #unclear: string[] = [];

  add({ policyEvent: event }: EngineEvent): void {
    if (!event) return;
    const [description = "", ...rest] = plain(event.message).split("\n");
    const what = rest.join("\n").trim() || description;
    if (event.enforcementLevel !== "mandatory") {
      this.#unclear.push(`${event.policyName}: ${what}`);
      return;
    }
    this.#broken.push({
      what,
      why: `Guard-rail "${event.policyName}": ${description}`,
      fix: `Change the program or its configuration; the rule is in policies/, and "npm run preview" without --policy does not apply it`,
    });
  }

  /** Rules that could not be evaluated, for example because a value is not known before the cluster runs. */
  get unclear(): readonly string[] {
    return this.#unclear;
  }

  /** @throws LabErrors with all violations */
  throwIfBroken(): void {
    if (this.#broken.length > 0) throw new LabErrors(this.#broken, ExitCode.fail);
  }
}
