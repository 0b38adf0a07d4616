import { type Command, InvalidArgumentError } from "commander";
import type { Limits } from "../../access/ask";
import { runningPods } from "../../access/computed/objects/pods";
import { readMesh } from "../../access/mesh/read";
import { removeAbandoned } from "../../access/probe/run";
import { ambientNamespaces } from "../../access/reach/columns";
import type { Mesh } from "../../access/types";
import { probeImage } from "../../config/image-names";
import { appNamespace } from "../../config/vocabulary";
import { UsageError } from "../../host/errors";
import { at, textAt } from "../../verify/json";
import type { ClusterClient, KubeObject } from "../../verify/lab-client";
import { common, json, yes } from "../commands/common";
import { runningLab } from "../stack/running-lab";
import type { Io } from "../terminal/io";

/** Options of the commands that send requests to a mesh: of the lab, or of any other cluster. */
export interface MeshOptions {
  stack?: string;
  kubeconfig?: string;
  context?: string;
  namespace?: string[];
  image?: string;
  rate: number;
  maxRequests: number;
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** Adds the options of {@link MeshOptions}. */
export function meshOptions(command: Command): Command {
  return yes(json(common(command)))
    .option("--kubeconfig <file>", "kubeconfig of another cluster; needs --context")
    .option("--context <name>", "context of that kubeconfig")
    .option("-n, --namespace <name...>", "namespaces to look at (default: those of the lab, or all in the mesh)")
    .option("--image <ref>", `image of the probe pods, with curl (default: the lab's, else ${probeImage})`)
    .option("--rate <n>", "requests per second, of all probe pods together", positive, 100)
    .option("--max-requests <n>", "refuse to send more requests than this", positive, 2000)
    .option("--dry-run", "list the requests and send none");
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("It is a whole number above 0.");
}

/** A mesh, and the client of its cluster. */
export interface OpenMesh {
  client: ClusterClient;
  mesh: Mesh;
  /** Name of the kubeconfig's context. */
  context: string;
  limits: Limits;
  /** Name of the stack, if the mesh is a lab's. */
  stack?: string;
}

/**
 * Reads the mesh of the lab, or of the cluster that the options name.
 * @throws UsageError for a kubeconfig without a context, and for a cluster without ztunnel
 */
export async function openMesh(io: Io, options: MeshOptions): Promise<OpenMesh> {
  const address = await addressOf(io, options);
  const client = await io.openCluster(address);
  const mesh = await readMesh(client, io.signal);
  if (!mesh.objects.some(({ kind, metadata }) => kind === "Pod" && metadata?.labels?.app === "ztunnel")) {
    throw new UsageError({
      what: `The cluster of context "${address.context}" has no ztunnel`,
      why: "These questions are answered by the records of an ambient mesh",
      fix: "npm run lab -- prove --help   (choose a cluster with Istio in ambient mode)",
    });
  }
  await removeAbandoned(client, mesh, io.clock.now(), io.signal);
  const { rate, maxRequests, image = labImage(mesh) ?? probeImage } = options;
  const { stack, context } = address;
  return { client, mesh, context, limits: { image, rate, maxRequests }, stack };
}

async function addressOf(
  io: Io,
  { stack, kubeconfig, context }: MeshOptions,
): Promise<{ kubeconfig: string; context: string; stack?: string }> {
  if (kubeconfig === undefined && context === undefined) return runningLab(io, { stack });
  if (kubeconfig !== undefined && context !== undefined) return { kubeconfig, context };
  throw new UsageError({
    what:
      kubeconfig === undefined ? "--context is given without --kubeconfig" : "--kubeconfig is given without --context",
    why: "The lab never guesses a cluster: requests would be sent to its applications",
    fix: "Add both: --kubeconfig FILE --context NAME",
  });
}

/** Image of the lab's applications, which its nodes already have. */
function labImage(mesh: Mesh): string | undefined {
  const isLab = ({ metadata }: KubeObject) => metadata?.namespace === appNamespace && metadata.labels?.app === "appa";
  const container: unknown = at(runningPods(mesh).find(isLab), "spec", "containers", 0);
  return textAt(container, "name") === "httpbin" ? textAt(container, "image") : undefined;
}

/**
 * The namespaces of the command: those of the options, or all in the mesh.
 * @throws UsageError for a namespace that does not exist
 */
export function namespacesOf(mesh: Mesh, { namespace }: Pick<MeshOptions, "namespace">): string[] {
  if (!namespace) return ambientNamespaces(mesh);
  const known = mesh.objects.filter(({ kind }) => kind === "Namespace").map(({ metadata }) => metadata?.name ?? "");
  const unknown = namespace.filter((name) => !known.includes(name));
  if (unknown.length === 0) return namespace;
  throw new UsageError({
    what: `There is no namespace ${unknown.map((name) => `"${name}"`).join(", ")}`,
    why: "An empty matrix would look like a mesh that nothing reaches",
    fix: `npm run lab -- reach   (looks at ${ambientNamespaces(mesh).join(", ") || "no namespace: none is in the mesh"})`,
  });
}
