import type { LabFacts } from "../../experiments/types";
import { LabError, messageOf } from "../../host/errors";

/** The Kubernetes client. Its package is an ES module and is loaded on first use. */
export const client = () => import("@kubernetes/client-node");

type Client = Awaited<ReturnType<typeof client>>;
export type KubeConfig = InstanceType<Client["KubeConfig"]>;
export type V1Status = InstanceType<Client["V1Status"]>;

/**
 * Reads the lab's kubeconfig, with the lab's context and no other.
 * @throws LabError when the file cannot be read or has no such context
 */
export async function kubeConfig({
  kubeconfig,
  context,
}: Pick<LabFacts, "kubeconfig" | "context">): Promise<KubeConfig> {
  const { KubeConfig } = await client();
  const config = new KubeConfig();
  try {
    config.loadFromFile(kubeconfig);
  } catch (cause) {
    throw new LabError(
      {
        what: `Cannot read "${kubeconfig}": ${messageOf(cause)}`,
        why: "The lab's cluster is reached through it alone",
        fix: "npm run up",
      },
      { cause },
    );
  }
  if (!config.getContextObject(context)) {
    throw new LabError({
      what: `"${kubeconfig}" has no context "${context}"`,
      why: "The lab never guesses a cluster: another context may be production",
      fix: "npm run up   (or: npm run lab -- config set context NAME)",
    });
  }
  config.setCurrentContext(context);
  return config;
}
