import { isBookkeeping, parseUrn } from "../engine/urn";
import type { Declared } from "./record";

/** One thing that `up` makes. */
export interface PlanNode {
  resource: Declared;
  /** Name of the outermost component; "" for a resource that stands alone. */
  component: string;
  /** URNs of the things that it waits for, without those that follow from others. */
  after: readonly string[];
  /** 1 for what waits for nothing, else one more than the last thing it waits for. */
  phase: number;
}

/** The order in which a lab comes into being. */
export interface PlanGraph {
  /** Phase by phase, in the order of the program inside each. */
  nodes: readonly PlanNode[];
  /** The longest chain of things that wait for each other. */
  longest: readonly PlanNode[];
}

/** Derives the order from what the program declares. Providers and components are no work: what waits for them waits for theirs. */
export function planGraph(declared: readonly Declared[]): PlanGraph {
  const byUrn = new Map(declared.map((each) => [each.urn, each]));
  const waits = new Map<string, ReadonlySet<string>>();

  const real = (urn: string): boolean => {
    const resource = byUrn.get(urn);
    return resource?.custom === true && !isBookkeeping(resource.type);
  };
  /** A resource inside a component is registered after it, so what the component waits for holds for it as well. */
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
    .sort((a, b) => a.phase - b.phase);
  return { nodes, longest: longestPath(nodes) };
}

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
