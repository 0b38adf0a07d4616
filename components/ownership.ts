import type * as pulumi from "@pulumi/pulumi";
import { annotationKeys, labelKeys } from "../config/vocabulary";

/** Kinds that get a label with the stack. Gateways do not: istiod copies their labels to pods, which a new label restarts. */
const labelledTypes: ReadonlySet<string> = new Set([
  "kubernetes:core/v1:Namespace",
  "kubernetes:core/v1:Service",
  "kubernetes:apps/v1:Deployment",
]);

/** An object that the program declares. */
export interface DeclaredObject {
  apiVersion: string;
  kind: string;
  /** Absent for cluster-wide kinds. */
  namespace?: string;
  name: string;
}

/** Options of {@link ownedBy}. */
export interface OwnershipOptions {
  stack: string;
  /** Owner record of objects in an existing cluster. @default none, for a cluster of the lab */
  record?: string;
  /** Called with each object that the program declares. */
  declared?: (object: DeclaredObject) => void;
}

/** A transformation that marks the lab's objects. The lab changes and deletes only marked objects. */
export function ownedBy({ stack, record, declared }: OwnershipOptions): pulumi.ResourceTransformation {
  return ({ type, props, opts }) => {
    // An object that is read by its id is not the lab's.
    if ("id" in opts && opts.id !== undefined) return undefined;
    const object = objectOf(type, props);
    if (!object) return undefined;
    declared?.(object);
    const { labels, annotations } = props.metadata;
    const own = {
      ...props.metadata,
      ...(labelledTypes.has(type) ? { labels: { ...labels, [labelKeys.stack]: stack } } : {}),
      ...(record ? { annotations: { ...annotations, [annotationKeys.owner]: record } } : {}),
    };
    return { props: { ...props, metadata: own }, opts };
  };
}

/** The object that a resource of a type such as "kubernetes:apps/v1:Deployment" is; undefined for patches and releases. */
function objectOf(type: string, { metadata }: pulumi.Inputs): DeclaredObject | undefined {
  const [, group = "", version = "", kind = ""] = /^kubernetes:(?:core\/|([^:/]+)\/)([^:]+):(\w+)$/.exec(type) ?? [];
  if (!kind || kind.endsWith("Patch") || group === "helm.sh") return undefined;
  const { name, namespace } = metadata;
  return { apiVersion: group ? `${group}/${version}` : version, kind, ...(namespace ? { namespace } : {}), name };
}
