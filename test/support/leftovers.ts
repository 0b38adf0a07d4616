import { exec } from "../../host/exec";
import { clusterName } from "../../host/paths";

/**
 * Removes what a stack of the tests has in Docker: its nodes and its network. Before a suite as well as after it, for a
 * killed run leaves both, and the next one would fail on them.
 */
export async function removeFromDocker(stack: string): Promise<void> {
  const name = clusterName(stack);
  await exec("kind", ["delete", "cluster", "--name", name], { timeoutMs: 120_000 });
  await exec("docker", ["network", "rm", name]);
}
