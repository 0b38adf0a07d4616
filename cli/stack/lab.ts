import { z } from "zod";
import type { LabFacts } from "../../experiments/types";
import { LabError } from "../../host/errors";
import { type ClusterAddress, kubectlOf, ownCluster } from "../../host/paths";
import { parseFacts } from "../../verify/index";
import type { StateResource } from "../engine/types";
import type { Session } from "./session";

/** The stack's outputs that the commands show. Absent ones belong to a stack that was never finished. */
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

/**
 * The living lab as its stack's outputs describe it.
 * @throws LabError when the last `up` did not get that far
 */
export function labFacts(
  stack: string,
  { settings, url, tls, kubeconfig, context, clusterName, versions, declared }: LabOutputs,
): LabFacts {
  if (url && kubeconfig && context && settings) {
    const ways = { url, tls, kubeconfig, context };
    return parseFacts({ stack, ...ways, clusterName, versions, settings, cluster: settings.cluster, declared });
  }
  throw new LabError({
    what: `Lab "${stack}" was never finished: its stack has no complete outputs`,
    why: "The proofs need to know what was asked for, and where the lab is",
    fix: `npm run up -- --stack ${stack}`,
  });
}

/** {@link labFacts}, or undefined when the last `up` did not get that far. */
export function finishedLab(stack: string, outputs: LabOutputs): LabFacts | undefined {
  try {
    return labFacts(stack, outputs);
  } catch (thrown) {
    if (thrown instanceof LabError) return undefined;
    throw thrown;
  }
}

/**
 * Cluster of the lab in a state, from the inputs of its Kubernetes provider. The configuration may name another cluster since,
 * in which the lab has no objects yet.
 * @returns undefined while the lab is in no cluster
 */
export function labAddress(resources: readonly StateResource[]): ClusterAddress | undefined {
  const provider = resources.find(({ type }) => type === "pulumi:providers:kubernetes");
  const { kubeconfig, context } = provider?.inputs ?? {};
  return typeof kubeconfig === "string" && typeof context === "string" ? { kubeconfig, context } : undefined;
}

/** Whether two addresses name the same cluster. */
export function sameAddress(a: ClusterAddress, b: ClusterAddress): boolean {
  return a.kubeconfig === b.kubeconfig && a.context === b.context;
}

/** Where the stack's cluster is, whether it runs or not. */
export function clusterAddress({ stack, config }: Pick<Session, "stack" | "config">): ClusterAddress {
  return config.cluster === "kind"
    ? ownCluster(stack)
    : { kubeconfig: config.kubeconfig ?? "", context: config.context ?? "" };
}

/** What a person does next with a lab that is up. */
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
