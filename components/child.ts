import type * as pulumi from "@pulumi/pulumi";

/** Options of a component's children, and the name of the component. */
export interface ChildOptions extends pulumi.CustomResourceOptions {
  /** Name of the component. The names of its children begin with it, so that its class can be instantiated twice. */
  prefix: string;
  /** Resources that the child waits for. */
  dependsOn?: pulumi.Resource | pulumi.Resource[];
}

/**
 * Arguments of a child's constructor: name, inputs and options. In earlier versions of the lab, the names of some children had
 * no prefix: the alias keeps their state.
 * @example new k8s.core.v1.Namespace(...child("egress-namespace", { prefix: name, parent: this }, { metadata }))
 */
export function child<T>(
  name: string,
  { prefix, ...opts }: ChildOptions,
  args: T,
): [string, T, pulumi.CustomResourceOptions] {
  if (name === prefix || name.startsWith(`${prefix}-`)) return [name, args, opts];
  return [`${prefix}-${name}`, args, { ...opts, aliases: [{ name }] }];
}
