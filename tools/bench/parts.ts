import { parseUrn } from "../../cli/engine/urn";
import { asRecord, kindOf } from "../../cli/plan/serves";

/** A resource of the exported state, as far as the script needs it. */
export interface StateResource {
  urn: string;
  type: string;
  parent?: string;
  /** URNs of what it waited for. */
  dependencies?: readonly string[];
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** A piece of the lab as somebody would install it by hand. */
export type Part =
  | { do: "network"; name: string; subnets: readonly string[] }
  | { do: "cluster"; name: string; config: string; image: string; certsDir: string }
  | { do: "load"; name: string; images: readonly string[] }
  | { do: "build"; name: string; image: string; context: string; dockerfile: string }
  | { do: "run"; name: string; script: string; interpreter: readonly string[]; environment: Record<string, string> }
  | { do: "release"; name: string; chart: string; namespace: string; createNamespace: boolean; values: unknown }
  | { do: "objects"; name: string; objects: readonly KubeInput[] };

/** A Kubernetes object as the program declares it. */
export interface KubeInput {
  kind: string;
  name: string;
  namespace: string;
  /** A part of an object that something else makes. */
  patch: boolean;
  /** Condition that it is waited for, of the annotation `pulumi.com/waitFor`. */
  waitFor?: string;
  manifest: Record<string, unknown>;
}

/**
 * The parts of a lab in an order that a script can follow, from the state that `pulumi up` left: what the lab was made of,
 * and not a second list of it. Objects of a component are one part, as they would be one file, until something waits for
 * one of them.
 */
export function partsOf(resources: readonly StateResource[]): Part[] {
  const parts: Part[] = [];
  const open = new Map<string, { urns: string[]; objects: KubeInput[] }>();
  const close = (component: string, objects: readonly KubeInput[]) => {
    open.delete(component);
    parts.push({ do: "objects", name: `objects of ${parseUrn(component).name}`, objects });
  };
  for (const resource of resources) {
    const { urn, parent = "", dependencies = [] } = resource;
    const isObject = resource.type.startsWith("kubernetes:") && resource.type !== "kubernetes:helm.sh/v3:Release";
    for (const [component, { urns, objects }] of open) {
      if (isObject && component === parent) continue;
      if (dependencies.some((needed) => urns.includes(needed))) close(component, objects);
    }
    if (isObject) {
      const group = open.get(parent) ?? { urns: [], objects: [] };
      open.set(parent, { urns: [...group.urns, urn], objects: [...group.objects, kubeInput(resource)] });
      continue;
    }
    const part = partOf(resource);
    if (part) parts.push(part);
  }
  for (const [component, { objects }] of open) close(component, objects);
  return parts;
}

function partOf({ urn, type, inputs = {}, outputs = {} }: StateResource): Part | undefined {
  const { name } = parseUrn(urn);
  if (type === "docker:index/network:Network") return { do: "network", name, subnets: subnetsOf(outputs) };
  if (type === "docker:index/image:Image") {
    const { context, dockerfile } = asRecord(inputs.build);
    return {
      do: "build",
      name,
      image: String(inputs.imageName),
      context: String(context),
      dockerfile: String(dockerfile),
    };
  }
  if (type === "kubernetes:helm.sh/v3:Release") {
    const { chart, namespace, createNamespace, values } = inputs;
    const where = { chart: String(chart), namespace: String(namespace), createNamespace: createNamespace === true };
    return { do: "release", name: String(inputs.name), ...where, values: values ?? {} };
  }
  return type === "command:local:Command" ? commandOf(name, inputs) : undefined;
}

function commandOf(name: string, inputs: Record<string, unknown>): Part | undefined {
  const environment = Object.fromEntries(
    Object.entries(asRecord(inputs.environment)).map(([key, value]) => [key, String(value)]),
  );
  const { NODE_IMAGE: image, CERTS_DIR: certsDir = "", IMAGES: images, CLUSTER: cluster } = environment;
  if (image) return { do: "cluster", name, config: String(inputs.stdin), image, certsDir };
  // What brings images to this machine is done before anything is timed.
  if (images && !cluster) return undefined;
  if (images) return { do: "load", name, images: images.split("\n") };
  // What is there for its deletion alone makes nothing.
  if (inputs.create === undefined) return undefined;
  const interpreter = Array.isArray(inputs.interpreter) ? inputs.interpreter.map(String) : ["/bin/sh", "-c"];
  return { do: "run", name, script: String(inputs.create), interpreter, environment };
}

function kubeInput({ type, inputs = {} }: StateResource): KubeInput {
  const metadata = asRecord(inputs.metadata);
  const waitFor = asRecord(metadata.annotations)["pulumi.com/waitFor"];
  const kind = kindOf(type, inputs);
  return {
    ...{
      kind,
      name: String(metadata.name),
      namespace: String(metadata.namespace ?? ""),
      patch: type.endsWith("Patch"),
    },
    ...(typeof waitFor === "string" ? { waitFor } : {}),
    manifest: { ...inputs, kind },
  };
}

function subnetsOf({ ipamConfigs }: Record<string, unknown>): string[] {
  const configs: unknown[] = Array.isArray(ipamConfigs) ? ipamConfigs : [];
  return configs
    .map(asRecord)
    .flatMap(({ subnet }) => (typeof subnet === "string" && !subnet.includes(":") ? [subnet] : []));
}
