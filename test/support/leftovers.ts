import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec } from "../../host/exec";
import { clusterName } from "../../host/paths";

/**
 * Removes the nodes and the network of a test stack from Docker. It runs before a suite as well as after it: a
 * killed run leaves both, and the next run would fail.
 */
export async function removeFromDocker(stack: string): Promise<void> {
  const name = clusterName(stack);
  await deleteCluster(name);
  await exec("docker", ["network", "rm", name]);
}

/** Deletes a kind cluster. Without a kubeconfig of its own kind would lock and rewrite that of the user. */
export async function deleteCluster(name: string): Promise<void> {
  const kubeconfig = join(mkdtempSync(join(tmpdir(), "kind-delete-")), "kubeconfig");
  await exec("kind", ["delete", "cluster", "--name", name, "--kubeconfig", kubeconfig], { timeoutMs: 120_000 });
}
