import { join } from "node:path";
import { stringify } from "yaml";
import type { LabSettings } from "../../config/schema";
import { experiments } from "../../experiments";
import { objects } from "../../experiments/objects";
import { writeWhole } from "../../host/write-file";
import { isEnabled } from "../../modules/enabled";
import { isBookkeeping, parseUrn } from "../engine/urn";
import type { Declared } from "./record";

/** A resource that `up` creates. */
interface PlanNode {
  resource: Declared;
  /** Name of the outermost component; "" for a resource outside of components. */
  component: string;
  /** URNs of its dependencies, without transitive ones. */
  after: readonly string[];
  /** 1 without dependencies, otherwise one more than the latest phase of a dependency. */
  phase: number;
}

/** The order in which a lab is created. */
export interface PlanGraph {
  /** Sorted by phase, component and name: the order of registration is not deterministic. */
  nodes: readonly PlanNode[];
  /** The longest chain of dependencies. */
  longest: readonly PlanNode[];
}

/**
 * Derives the order from the declared resources. Providers and components are not listed: dependencies on them are replaced by
 * the dependencies that they have.
 */
export function planGraph(declared: readonly Declared[]): PlanGraph {
  const byUrn = new Map(declared.map((each) => [each.urn, each]));
  const waits = new Map<string, ReadonlySet<string>>();

  const real = (urn: string): boolean => {
    const resource = byUrn.get(urn);
    return resource?.custom === true && !isBookkeeping(resource.type);
  };
  /** A resource in a component also depends on the dependencies of the component. */
  const waitsFor = (urn: string): ReadonlySet<string> => {
    const known = waits.get(urn);
    if (known) return known;
    const found = new Set<string>();
    waits.set(urn, found);
    const resource = byUrn.get(urn);
    if (!resource) return found;
    for (const each of [...resource.dependencies, ...(byUrn.has(resource.parent) ? [resource.parent] : [])]) {
      if (real(each)) found.add(each);
      else for (const further of waitsFor(each)) found.add(further);
    }
    found.delete(urn);
    return found;
  };

  const phases = new Map<string, number>();
  const phaseOf = (urn: string): number => {
    const known = phases.get(urn);
    if (known) return known;
    const phase = 1 + Math.max(0, ...[...waitsFor(urn)].map(phaseOf));
    phases.set(urn, phase);
    return phase;
  };
  const reaches = (from: string, to: string): boolean =>
    [...waitsFor(from)].some((each) => each === to || (phaseOf(each) > phaseOf(to) && reaches(each, to)));

  const nodes = declared
    .filter(({ urn }) => real(urn))
    .map((resource): PlanNode => {
      const all = [...waitsFor(resource.urn)];
      const after = all.filter((urn) => !all.some((other) => other !== urn && reaches(other, urn)));
      return { resource, component: componentOf(resource, byUrn), after, phase: phaseOf(resource.urn) };
    })
    .sort(byPhaseAndName);
  return { nodes, longest: longestPath(nodes) };
}

const byPhaseAndName = (a: PlanNode, b: PlanNode): number =>
  a.phase - b.phase || a.component.localeCompare(b.component) || a.resource.name.localeCompare(b.resource.name);

function componentOf({ parent }: Declared, byUrn: ReadonlyMap<string, Declared>): string {
  let name = "";
  for (let at = byUrn.get(parent); at && !isBookkeeping(at.type); at = byUrn.get(at.parent))
    name = parseUrn(at.urn).name;
  return name;
}

function longestPath(nodes: readonly PlanNode[]): PlanNode[] {
  const byUrn = new Map(nodes.map((node) => [node.resource.urn, node]));
  const path: PlanNode[] = [];
  let at = nodes.at(-1);
  while (at) {
    path.unshift(at);
    const before: PlanNode = at;
    at = before.after.map((urn) => byUrn.get(urn)).find((node) => node?.phase === before.phase - 1);
  }
  return path;
}

/** An entry of the plan. */
export interface PlanEntry {
  phase: number;
  component: string;
  name: string;
  kind: string;
  /** Kubernetes object, Helm release or command. */
  object: string;
  after: readonly string[];
  experiments: readonly string[];
}

/** The plan's entries in order. */
export function planEntries({ nodes }: PlanGraph, settings: Pick<LabSettings, "modules">): PlanEntry[] {
  const names = new Map(nodes.map(({ resource }) => [resource.urn, resource.name]));
  return nodes.map(({ resource, component, phase, after }) => ({
    phase,
    component,
    name: resource.name,
    kind: parseUrn(resource.urn).kind,
    object: objectName({ resource }),
    after: after.map((urn) => names.get(urn) ?? urn),
    experiments: servedExperiments(resource, settings),
  }));
}

function objectName({ resource: { type, name, inputs } }: Pick<PlanNode, "resource">): string {
  const metadata = asRecord(inputs.metadata);
  if (typeof metadata.name === "string") return `${kindOf(type, inputs)}/${metadata.name}`;
  if (type === "kubernetes:helm.sh/v3:Release") return `Helm release ${String(inputs.name)}`;
  return `${parseUrn(`::::${type}::${name}`).kind} ${typeof inputs.name === "string" ? inputs.name : name}`;
}

/** The plan as a tree by phase. */
export function planText(stack: string, graph: PlanGraph, settings: Pick<LabSettings, "modules">): string {
  const entries = planEntries(graph, settings);
  const lines = [`Lab "${stack}": ${entries.length} things in ${entries.at(-1)?.phase ?? 0} phases`];
  let phase = 0;
  for (const [index, entry] of entries.entries()) {
    if (entry.phase !== phase) lines.push("", `Phase ${entry.phase}`);
    phase = entry.phase;
    const last = entries[index + 1]?.phase !== phase;
    const owner = entry.component ? `${entry.component} › ` : "";
    const after = entry.after.length > 0 ? `  after ${entry.after.join(", ")}` : "";
    lines.push(`${last ? "└" : "├"} ${owner}${entry.name}  ${entry.object}${after}${servesText(entry.experiments)}`);
  }
  const path = graph.longest.map(({ resource }) => resource.name).join(" → ");
  return [...lines, "", `Longest path: ${path}`, ""].join("\n");
}

/** The first experiments of an object: most objects serve nearly every experiment. */
function servesText(experiments: readonly string[]): string {
  const shown = 4;
  if (experiments.length === 0) return "";
  const more = experiments.length - shown;
  return `  [${experiments.slice(0, shown).join(", ")}${more > 0 ? ` and ${more} more` : ""}]`;
}

/** Ids of the lab's experiments that use an object, or an object of a Helm release. */
function servedExperiments(resource: Declared, settings: Pick<LabSettings, "modules">): string[] {
  const keys = new Set(Object.entries(objects).flatMap(([key, spec]) => (isAbout(resource, spec) ? [key] : [])));
  return experiments
    .filter((experiment) => isEnabled(experiment, settings) && experiment.objects.some((key) => keys.has(key)))
    .map(({ id }) => id);
}

function isAbout({ type, inputs }: Declared, spec: { kind: string; name: string; namespace?: string }): boolean {
  const metadata = asRecord(inputs.metadata);
  if (type === "kubernetes:helm.sh/v3:Release") {
    return (
      inputs.namespace === spec.namespace && (inputs.name === spec.name || `${String(inputs.name)}-node` === spec.name)
    );
  }
  return kindOf(type, inputs) === spec.kind && metadata.name === spec.name;
}

/** Kind of a Kubernetes object; a patch is a part of the object that it patches. */
export function kindOf(type: string, inputs: Record<string, unknown>): string {
  return typeof inputs.kind === "string" ? inputs.kind : type.slice(type.lastIndexOf(":") + 1).replace(/Patch$/, "");
}

/** The value when it is an object, else an empty one. */
export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

/** Writes the Kubernetes objects and the values of the Helm releases as files, numbered in order. @returns their names */
export function writeObjects(folder: string, { nodes }: PlanGraph): string[] {
  const files = nodes.flatMap(({ resource }) => fileOf(resource) ?? []);
  const width = String(files.length).length;
  const names = files.map(({ name }, index) => `${String(index + 1).padStart(width, "0")}-${name}.yaml`);
  for (const [index, { text }] of files.entries()) writeWhole(join(folder, names[index] ?? ""), text);
  return names;
}

function fileOf({ type, inputs }: Declared): { name: string; text: string } | undefined {
  if (!type.startsWith("kubernetes:")) return undefined;
  if (type === "kubernetes:helm.sh/v3:Release") {
    const { name, namespace, chart, values } = inputs;
    const how = `# helm upgrade --install ${String(name)} ${String(chart)} --namespace ${String(namespace)} --values THIS-FILE\n`;
    return { name: `helm-values-${String(name)}`, text: `${how}${stringify(values ?? {})}` };
  }
  const metadata = asRecord(inputs.metadata);
  const kind = kindOf(type, inputs);
  const object = { apiVersion: inputs.apiVersion ?? apiVersionOf(type), kind, ...inputs };
  return { name: `${kind.toLowerCase()}-${String(metadata.name)}`, text: stringify({ ...object, kind }) };
}

/** `kubernetes:apps/v1:Deployment` → `apps/v1`; the core group has no name in the API. */
function apiVersionOf(type: string): string {
  return (type.split(":")[1] ?? "").replace(/^core\//, "");
}
