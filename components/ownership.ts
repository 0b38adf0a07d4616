import type * as pulumi from "@pulumi/pulumi";
import { labelKeys } from "../config/vocabulary";

/** Kinds of which a cluster that the lab did not make may have one of the same name, with other things in it or behind it. */
const labelledTypes: ReadonlySet<string> = new Set([
  "kubernetes:core/v1:Namespace",
  "kubernetes:core/v1:Service",
  "kubernetes:apps/v1:Deployment",
]);

/** Labels what the lab creates with its stack: what has no such label is not the lab's to change or delete. */
export function ownedBy(stack: string): pulumi.ResourceTransformation {
  return ({ type, props, opts }) => {
    if (!labelledTypes.has(type)) return undefined;
    const labels = { ...props.metadata?.labels, [labelKeys.stack]: stack };
    return { props: { ...props, metadata: { ...props.metadata, labels } }, opts };
  };
}
