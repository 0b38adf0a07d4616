import type { LabSettings } from "../../config/schema";
import { parseUrn } from "../engine/urn";
import type { PlanGraph, PlanNode } from "./graph";
import { asRecord, kindOf, servedExperiments } from "./serves";

/** One thing of the plan for people and for JSON. */
export interface PlanEntry {
  phase: number;
  component: string;
  name: string;
  kind: string;
  /** Kubernetes object, Helm release or command, as a person looks for it. */
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

/** Most objects serve nearly every experiment; a line names the first ones. */
function servesText(experiments: readonly string[]): string {
  const shown = 4;
  if (experiments.length === 0) return "";
  const more = experiments.length - shown;
  return `  [${experiments.slice(0, shown).join(", ")}${more > 0 ? ` and ${more} more` : ""}]`;
}
