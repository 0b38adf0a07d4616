import type { LabFacts } from "../../experiments/types";
import { LabError } from "../../host/errors";
import { parseFacts } from "../../verify/index";
import type { LabOutputs } from "./outputs";

/**
 * The living lab as its stack's outputs describe it.
 * @throws LabError when the last `up` did not get that far
 */
export function labFacts(
  stack: string,
  { settings, url, tls, kubeconfig, context, clusterName, versions }: LabOutputs,
): LabFacts {
  if (url && kubeconfig && context && settings) {
    const ways = { url, tls, kubeconfig, context };
    return parseFacts({ stack, ...ways, clusterName, versions, settings, cluster: settings.cluster });
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
