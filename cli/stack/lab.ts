import { z } from "zod";
import type { LabFacts } from "../../experiments/types";
import { LabError } from "../../host/errors";
import { type ClusterAddress, kubectlOf, ownCluster } from "../../host/paths";
import { parseFacts } from "../../verify/index";
import type { StateResource } from "../engine/types";
import type { Session } from "./session";

/** Outputs of the stack that the commands use. They are absent until the first successful `up`. */
const outputsSchema = z.object({
  url: z.string().optional(),
  tls: z.object({ url: z.string(), caFile: z.string() }).optional(),
  curl: z.array(z.string()).optional(),
  kubeconfig: z.string().optional(),
  context: z.string().optional(),
  clusterName: z.string().optional(),
  dashboards: z.string().optional(),
  settings: z.record(z.string(), z.unknown()).optional(),
  versions: z.record(z.string(), z.string()).optional(),
  declared: z.array(z.unknown()).optional(),
});

/** Outputs of a lab. */
export type LabOutputs = z.infer<typeof outputsSchema>;

/** Reads the engine's outputs. */
export function readOutputs(raw: Record<string, unknown>): LabOutputs {
  return outputsSchema.parse(raw);
}

/** Facts about the lab in its stack's outputs; undefined when no `up` of it was finished. */
export function finishedLab(
  stack: string,
  { settings, url, kubeconfig, context, curl, dashboards, ...more }: LabOutputs,
): LabFacts | undefined {
  if (!url || !kubeconfig || !context || !settings) return undefined;
  return parseFacts({ ...more, stack, url, kubeconfig, context, settings, cluster: settings.cluster });
}

/**
 * {@link finishedLab}, which must exist.
 * @throws LabError when no `up` of the lab was finished
 */
export function labFacts(stack: string, outputs: LabOutputs): LabFacts {
  const facts = finishedLab(stack, outputs);
  if (facts) return facts;
  throw new LabError({
    what: `Lab "${stack}" was never finished: its stack has no complete outputs`,
    why: "The experiments depend on the settings and the address of the lab",
    fix: `npm run up -- --stack ${stack}`,
  });
}

/**
 * Cluster of the lab in a state, from the inputs of its Kubernetes provider. The current configuration may name another
 * cluster, in which the lab has no objects yet.
 * @returns undefined while the lab is in no cluster
 */
export function labAddress(resources: readonly StateResource[]): ClusterAddress | undefined {
  const provider = resources.find(({ type }) => type === "pulumi:providers:kubernetes");
  const { kubeconfig, context } = provider?.inputs ?? {};
  return typeof kubeconfig === "string" && typeof context === "string" ? { kubeconfig, context } : undefined;
}

/** ID of the lab's Docker network in a state; undefined without one. */
export const networkIdOf = (resources: readonly StateResource[]): string | undefined =>
  resources.find(({ type }) => type === "docker:index/network:Network")?.id;

/** Whether two addresses name the same cluster. */
export function sameAddress(a: ClusterAddress, b: ClusterAddress): boolean {
  return a.kubeconfig === b.kubeconfig && a.context === b.context;
}

/** Address of the cluster that the stack's configuration names. */
export function clusterAddress({ stack, config }: Pick<Session, "stack" | "config">): ClusterAddress {
  return config.cluster === "kind"
    ? ownCluster(stack)
    : { kubeconfig: config.kubeconfig ?? "", context: config.context ?? "" };
}

/** Addresses of a running lab, and the next commands. */
export function summaryText(stack: string, { url, curl, kubeconfig, context, dashboards }: LabOutputs): string {
  const option = ` --stack ${stack}`;
  return [
    `Lab "${stack}" is up: ${url ?? "no address"}`,
    "",
    ...(curl ?? []).map((line) => `  ${line}`),
    ...(dashboards ? [`  ${dashboards}`] : []),
    ...(kubeconfig && context ? [`  ${kubectlOf({ kubeconfig, context })} get pods -A`] : []),
    "",
    "Next:",
    `  npm run lab -- verify${option}`,
    `  npm run lab -- report${option}`,
    `  npm run lab -- tour${option}`,
    `  npm run destroy --${option}`,
    "",
  ].join("\n");
}
