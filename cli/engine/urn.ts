/** Parts of a resource's URN. */
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

/** Whether the type is the stack itself or a provider, which are no parts of the lab. */
export function isBookkeeping(type: string): boolean {
  return type === "pulumi:pulumi:Stack" || type.startsWith("pulumi:providers:");
}

/** Finds the components of resources by the parents in events of the engine. */
export class Components {
  readonly #parents = new Map<string, string>();

  /** Records the parent of a resource. */
  add(urn: string, parent: string | undefined): void {
    if (parent) this.#parents.set(urn, parent);
  }

  /** Name of the outermost component of a resource; its own name outside of components. */
  of(urn: string): string {
    let owner = urn;
    for (let at: string | undefined = urn; at !== undefined; at = this.#parents.get(at)) {
      if (isComponent(parseUrn(at).type)) owner = at;
    }
    return parseUrn(owner).name;
  }
}

/** A resource's name without the prefix of its component. */
export const shortName = (name: string, component: string): string =>
  name.startsWith(`${component}-`) ? name.slice(component.length + 1) : name;
