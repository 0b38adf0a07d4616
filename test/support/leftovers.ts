import { exec } from "../../host/exec";
import { clusterName } from "../../host/paths";

/**
 * Removes the nodes and the network of a test stack from Docker. It runs before a suite as well as after it: a
 * killed run leaves both, and the next run would fail.
 */
export async function removeFromDocker(stack: string): Promise<void> {
  const name = clusterName(stack);
  await exec("kind", ["delete", "cluster", "--name", name], { timeoutMs: 120_000 });
  await exec("docker", ["network", "rm", name]);
}
