import { join } from "node:path";
import type { HelmRecord, Workload } from "./helm-records";
import type { KubeInput, Part } from "./parts";

/** A command of the script. */
export interface ScriptCommand {
  file: string;
  args: readonly string[];
  /** Variables added to those of this process. */
  env?: Record<string, string>;
  /** Text for its standard input. */
  input?: string;
}

/** Where the script installs, and with what. */
export interface ScriptPlace {
  /** Name of its cluster and of its Docker network. */
  cluster: string;
  /** Name of the lab's cluster, which the script's own stands for. */
  lab: string;
  /** Folder for its files. */
  folder: string;
  /** Image that the lab's nodes were made of. */
  nodeImage: string;
  /** What Helm rendered in the lab, by release: the script then does without Helm. @default it calls `helm` */
  records?: ReadonlyMap<string, HelmRecord>;
  /** Platform that Docker must be told when it saves an image. @default it keeps one platform only */
  platform?: string;
}

/** Longest wait for anything that the script installs. */
const patience = "600s";

/** Path of the kubeconfig of the script's cluster; the user's own stays as it is. */
export const scriptKubeconfig = ({ folder }: Pick<ScriptPlace, "folder">): string => join(folder, "kubeconfig");

/** The commands that install one part, as a plain script would write them: each begins when the one before has ended. */
export function commandsOf(part: Part, place: ScriptPlace): ScriptCommand[] {
  switch (part.do) {
    case "network": {
      const subnets = part.subnets.flatMap((subnet) => ["--subnet", subnet]);
      return [docker("network", "create", "--driver", "bridge", ...subnets, place.cluster)];
    }
    case "cluster":
      return clusterCommands(part, place);
    case "load": {
      const archive = join(place.folder, "images.tar");
      const platform = place.platform ? ["--platform", place.platform] : [];
      return [
        docker("save", ...platform, "--output", archive, ...part.images),
        { file: "kind", args: ["load", "image-archive", archive, "--name", place.cluster] },
      ];
    }
    case "build":
      return [docker("build", "--quiet", "--tag", part.image, "--file", part.dockerfile, part.context)];
    case "run": {
      const [file = "/bin/sh", ...flags] = part.interpreter;
      const env = Object.fromEntries(
        Object.entries(part.environment).map(([key, value]) => [key, value === place.lab ? place.cluster : value]),
      );
      return [{ file, args: [...flags, part.script], env }];
    }
    case "release":
      return place.records ? withoutHelm(part, place, place.records) : [helm(part, place)];
    case "objects":
      return objectCommands(part.objects, place);
  }
}

function clusterCommands({ config, certsDir }: Extract<Part, { do: "cluster" }>, place: ScriptPlace): ScriptCommand[] {
  const { cluster, nodeImage, folder } = place;
  const where = ["--name", cluster, "--image", nodeImage, "--kubeconfig", scriptKubeconfig(place)];
  return [
    {
      file: "kind",
      args: ["create", "cluster", ...where, "--config", "-", "--wait", "180s"],
      env: { KIND_EXPERIMENTAL_DOCKER_NETWORK: cluster },
      // The lab's own folder goes with the lab.
      input: certsDir ? config.replaceAll(certsDir, join(folder, "certs.d")) : config,
    },
    kubectl(place, "wait", "--for=condition=Ready", "nodes", "--all", `--timeout=${patience}`),
  ];
}

function helm({ name, chart, namespace, createNamespace, values }: Release, place: ScriptPlace): ScriptCommand {
  const where = ["--kubeconfig", scriptKubeconfig(place), "--kube-context", `kind-${place.cluster}`];
  const into = ["--namespace", namespace, ...(createNamespace ? ["--create-namespace"] : [])];
  const args = ["install", name, chart, ...into, "--values", "-", "--wait", "--timeout", patience, ...where];
  return { file: "helm", args, input: JSON.stringify(values) };
}

type Release = Extract<Part, { do: "release" }>;

function withoutHelm(
  { name, namespace, createNamespace }: Release,
  place: ScriptPlace,
  records: ReadonlyMap<string, HelmRecord>,
): ScriptCommand[] {
  const record = records.get(name);
  if (!record) throw new RangeError(`The lab has no Helm release "${name}"`);
  return [
    ...(createNamespace ? [kubectl(place, "create", "namespace", namespace)] : []),
    apply(place, record.manifest),
    ...record.workloads.map((workload) => rollout(place, { ...workload, namespace: workload.namespace || namespace })),
  ];
}

function objectCommands(objects: readonly KubeInput[], place: ScriptPlace): ScriptCommand[] {
  const mine = objects.filter(({ patch, kind }) => !(patch && isWorkload(kind)));
  const items = mine.map(({ manifest }) => manifest);
  return [
    ...(items.length > 0 ? [apply(place, JSON.stringify({ apiVersion: "v1", kind: "List", items }))] : []),
    ...objects.flatMap((object) => awaited(object, place)),
  ];
}

function awaited({ kind, name, namespace, waitFor, manifest }: KubeInput, place: ScriptPlace): ScriptCommand[] {
  if (isWorkload(kind)) return [rollout(place, { kind, name, namespace })];
  if (!waitFor) return [];
  // Istio and the Gateway API both have a Gateway: the group tells them apart.
  const [group = "", version = ""] = String(manifest.apiVersion).split("/");
  const object = `${kind}.${version}.${group}/${name}`;
  return [kubectl(place, "wait", `--for=${waitFor}`, object, "--namespace", namespace, `--timeout=${patience}`)];
}

/** Whether the kind has a rollout that can be waited for. */
export const isWorkload = (kind: string): boolean => ["Deployment", "DaemonSet", "StatefulSet"].includes(kind);

const rollout = (place: ScriptPlace, { kind, name, namespace }: Workload) =>
  kubectl(place, "rollout", "status", `${kind}/${name}`, "--namespace", namespace, `--timeout=${patience}`);

/** Server-side: a CRD is too long for the annotation of a client-side one. */
const apply = (place: ScriptPlace, input: string): ScriptCommand => ({
  ...kubectl(place, "apply", "--server-side", "--force-conflicts", "--filename", "-"),
  input,
});

/** A node brings its own kubectl: none is needed on this machine. */
export const kubectl = ({ cluster }: Pick<ScriptPlace, "cluster">, ...args: readonly string[]): ScriptCommand =>
  docker(
    ...["exec", "--interactive", `${cluster}-control-plane`],
    ...["kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", ...args],
  );

const docker = (...args: readonly string[]): ScriptCommand => ({ file: "docker", args });
