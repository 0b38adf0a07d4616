/** The parts of a resource's URN that are shown. */
export interface UrnParts {
  /** Full type token, such as `kubernetes:apps/v1:Deployment`. */
  type: string;
  /** Last word of the type token. */
  kind: string;
  /** Name in the program. */
  name: string;
}

/** Reads `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`. */
export function parseUrn(urn: string): UrnParts {
  const [, , types = "", ...names] = urn.split("::");
  const type = types.slice(types.lastIndexOf("$") + 1);
  return { type, kind: type.slice(type.lastIndexOf(":") + 1), name: names.join("::") };
}

/** Whether the type is one of the lab's own components. */
export function isComponent(type: string): boolean {
  return type.startsWith("ambientlab:");
}

/** The stack itself and the providers: the engine's bookkeeping, not parts of a lab. */
export function isBookkeeping(type: string): boolean {
  return type === "pulumi:pulumi:Stack" || type.startsWith("pulumi:providers:");
}

/** Component names by URN, learnt from the events or the state that go by. */
export class Components {
  readonly #parents = new Map<string, string>();

  /** Remembers whose child a resource is. */
  learn(urn: string, parent: string | undefined): void {
    if (parent) this.#parents.set(urn, parent);
  }

  /** Name of the outermost component that holds the resource; a resource outside of all components stands for itself. */
  of(urn: string): string {
    let owner = urn;
    for (let at: string | undefined = urn; at !== undefined; at = this.#parents.get(at)) {
      if (isComponent(parseUrn(at).type)) owner = at;
    }
    return parseUrn(owner).name;
  }
}

/** A resource's name without the name of its component, with which it begins. */
export const shortName = (name: string, component: string): string =>
  name.startsWith(`${component}-`) ? name.slice(component.length + 1) : name;
