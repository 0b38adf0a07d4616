import { join } from "node:path";
import { asRecord, kindOf } from "../../cli/plan/plan";
import { shellWord } from "../../host/shell";

/** A resource of the exported state. */
export interface StateResource {
  urn: string;
  type: string;
  /** URNs of the resources that it depends on. */
  dependencies?: readonly string[];
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** Names and files of the script's own cluster, and of the lab. */
export interface ScriptPlace {
  /** Name of the script's cluster and of its Docker network. */
  cluster: string;
  /** Name of the lab's cluster. */
  lab: string;
  /** Folder for kubeconfig, image archive and a copy of the registry settings. */
  folder: string;
  /** Image that the lab's nodes run. */
  nodeImage: string;
}

/** Timeout of each wait in the script. */
const timeout = "600s";

const workloads = ["Deployment", "DaemonSet", "StatefulSet"];
const isRelease = ({ type }: StateResource) => type === "kubernetes:helm.sh/v3:Release";
const isObject = (resource: StateResource) => resource.type.startsWith("kubernetes:") && !isRelease(resource);
const environmentOf = ({ inputs = {} }: StateResource) => asRecord(inputs.environment);

/** Kubeconfig file of the script's cluster. */
export const scriptKubeconfig = ({ folder }: Pick<ScriptPlace, "folder">): string => join(folder, "kubeconfig");

/** Folder with registry settings that the lab's nodes mount; empty without mirrors and private CA. */
export const certsFolder = (resources: readonly StateResource[]): string =>
  String(resources.map((each) => environmentOf(each).CERTS_DIR).find(Boolean) ?? "");

/**
 * Groups the resources of a state, in order, into steps of the script. Kubernetes objects are collected into one
 * `kubectl apply`, until another resource depends on one of them, or an object depends on one that must be awaited.
 */
export function partsOf(resources: readonly StateResource[]): StateResource[][] {
  const parts: StateResource[][] = [];
  let open: StateResource[] = [];
  for (const resource of resources) {
    const object = isObject(resource);
    const needed = open.filter(({ urn }) => resource.dependencies?.includes(urn));
    if (needed.some((each) => !object || waitCommand(each) !== undefined)) {
      parts.push(open);
      open = [];
    }
    if (object) open.push(resource);
    else parts.push([resource]);
  }
  return open.length > 0 ? [...parts, open] : parts;
}

/** The shell script, for the checkout as working directory. It runs one command after another. */
export function scriptOf(resources: readonly StateResource[], place: ScriptPlace): string {
  const parts = partsOf(resources).flatMap((part) =>
    part.some(isObject) ? objectCommands(part) : part.flatMap((resource) => installCommands(resource, place)),
  );
  return [
    "set -eu",
    // For save(), which uses the options of this Docker version.
    "export MIRRORS= BUNDLE= CACHES= PLATFORM=",
    ". ./components/scripts/image-get.sh",
    `kubectl() { docker exec --interactive ${place.cluster}-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }`,
    ...parts,
    "",
  ].join("\n");
}

function installCommands(resource: StateResource, place: ScriptPlace): string[] {
  const { type, inputs = {}, outputs = {} } = resource;
  if (isRelease(resource)) return [helmInstall(inputs, place)];
  if (type === "docker:index/network:Network") {
    return [words("docker network create --driver bridge", ...subnetsOf(outputs), place.cluster)];
  }
  return type === "command:local:Command" ? localCommand(resource, place) : [];
}

function localCommand(resource: StateResource, place: ScriptPlace): string[] {
  const { inputs = {} } = resource;
  const environment = environmentOf(resource);
  const { NODE_IMAGE, CERTS_DIR, IMAGES, CLUSTER } = environment;
  if (NODE_IMAGE) return clusterCommands(String(inputs.stdin), String(CERTS_DIR ?? ""), place);
  if (IMAGES && CLUSTER) {
    const archive = join(place.folder, "images.tar");
    return [
      words("save", archive, "The nodes load their images from it", "docker info", ...String(IMAGES).split("\n")),
      words("kind load image-archive", archive, "--name", place.cluster),
    ];
  }
  // Images are pulled before the measurement. A command without "create" only runs at its deletion.
  if (IMAGES || inputs.create === undefined) return [];
  const variables = Object.entries(environment).map(
    ([name, value]) => `${name}=${value === place.lab ? place.cluster : value}`,
  );
  return [words("env", ...variables, ...[inputs.interpreter ?? ["/bin/sh", "-c"]].flat(), inputs.create)];
}

function clusterCommands(config: string, certs: string, place: ScriptPlace): string[] {
  const { cluster, nodeImage, folder } = place;
  const create = words(
    ...["kind create cluster", "--name", cluster, "--image", nodeImage, "--kubeconfig", scriptKubeconfig(place)],
    ...["--config", "-", "--wait", "180s"],
  );
  const own = certs ? config.replaceAll(certs, join(folder, "certs.d")) : config;
  return [
    // In the background: a shell that is killed by a signal leaves a foreground command running.
    `trap 'kill "$!"; wait; exit 1' TERM`,
    withInput(`KIND_EXPERIMENTAL_DOCKER_NETWORK=${cluster} ${create}`, own, " &"),
    'wait "$!"',
    "trap - TERM",
    `kubectl wait --for=condition=Ready nodes --all --timeout=${timeout}`,
  ];
}

function helmInstall(inputs: Record<string, unknown>, place: ScriptPlace): string {
  const { name, chart, namespace, createNamespace, values = {} } = inputs;
  const into = ["--namespace", namespace, ...(createNamespace === true ? ["--create-namespace"] : [])];
  const where = ["--kubeconfig", scriptKubeconfig(place), "--kube-context", `kind-${place.cluster}`];
  const args = [name, chart, ...into, "--values", "-", "--wait", "--timeout", timeout, ...where];
  return withInput(words("helm install", ...args), JSON.stringify(values));
}

function objectCommands(objects: readonly StateResource[]): string[] {
  const items = objects
    // A patch of a workload belongs to a Deployment that istiod generates: the script only waits for it.
    .filter(({ type }) => !workloads.some((kind) => type.endsWith(`:${kind}Patch`)))
    .map(({ type, inputs = {} }) => ({ ...inputs, kind: kindOf(type, inputs) }));
  // Server-side: a CRD is too long for the annotation that a client-side apply writes.
  const apply = "kubectl apply --server-side --force-conflicts --filename -";
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  return [...(items.length > 0 ? [withInput(apply, list)] : []), ...objects.flatMap((each) => waitCommand(each) ?? [])];
}

/** The command that waits for an object as the program does; undefined for an object without a wait. */
function waitCommand({ type, inputs = {} }: StateResource): string | undefined {
  const { name, namespace = "default", annotations } = asRecord(inputs.metadata);
  const kind = kindOf(type, inputs);
  const where = ["--namespace", namespace, `--timeout=${timeout}`];
  if (workloads.includes(kind)) return words("kubectl rollout status", `${kind}/${name}`, ...where);
  const condition = asRecord(annotations)["pulumi.com/waitFor"];
  if (condition === undefined) return undefined;
  // With the group, because both Istio and the Gateway API have a kind Gateway.
  const [group = "", version = ""] = String(inputs.apiVersion).split("/");
  return words("kubectl wait", `--for=${condition}`, `${kind}.${version}.${group}/${name}`, ...where);
}

/** IPv4 subnets of a Docker network, as options of `docker network create`. */
function subnetsOf({ ipamConfigs }: Record<string, unknown>): string[] {
  const subnets = [ipamConfigs].flat().map((each) => String(asRecord(each).subnet ?? ""));
  return subnets.flatMap((subnet) => (subnet && !subnet.includes(":") ? ["--subnet", subnet] : []));
}

/** A command line: a fixed beginning, then arguments that the shell must not expand. */
const words = (command: string, ...args: readonly unknown[]) =>
  [command, ...args.map((arg) => shellWord(String(arg)))].join(" ");

const withInput = (command: string, input: string, after = "") =>
  `${command} <<'END_OF_INPUT'${after}\n${input.trimEnd()}\nEND_OF_INPUT`;
