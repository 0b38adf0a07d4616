import { LabError } from "../errors";
import { clusterName } from "../host";
import { clusterState } from "../host-check";
import { type Clock, eventually } from "../verify/eventually";
import type { Session } from "./session";

const deadlineMs = 5 * 60_000;

/**
 * Starts the stack's node containers that are stopped, and waits until the cluster calls every node Ready.
 * @throws LabError when a container does not start or a node does not come back
 */
export async function startNodes({ io, stack, progress }: Session, clock?: Clock): Promise<void> {
  if ((await clusterState(stack, io.exec)) !== "stopped") return;
  const cluster = clusterName(stack);
  const fix = `docker logs --tail 20 CONTAINER; if it cannot be saved: kind delete cluster --name ${cluster}, then up again   (makes it anew)`;
  const listed = await io.exec("docker", [
    ...["ps", "--all", "--filter", `label=io.x-k8s.kind.cluster=${cluster}`],
    ...["--format", "{{.Names}} {{.State}}"],
  ]);
  const nodes = listed.stdout.split("\n").flatMap((line) => {
    const [name, state] = line.split(" ");
    return name && state !== "running" ? [{ name, state }] : [];
  });
  for (const { name, state } of nodes) {
    progress.line(`  Node container "${name}" is ${state}: it is started again`);
    const { code, stderr } = await io.exec("docker", [state === "paused" ? "unpause" : "start", name]);
    if (code === 0) continue;
    const said = stderr.trim().split("\n").at(-1);
    throw new LabError({ what: `Docker cannot start "${name}": ${said}`, why: "It is a node of the lab", fix });
  }
  const kubectl = ["exec", `${cluster}-control-plane`, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"];
  const ready = async () => {
    const wait = ["wait", "--for=condition=Ready", "nodes", "--all", "--timeout=10s"];
    const { code, stderr } = await io.exec("docker", [...kubectl, ...wait], { signal: io.signal });
    if (code !== 0) throw new Error(stderr.trim().split("\n").at(-1));
  };
  const waiting = { what: "every node to be Ready", deadlineMs, intervalMs: 2000, streak: 2, signal: io.signal };
  await eventually(ready, { ...waiting, ...(clock ? { clock } : {}) }).catch((cause: unknown) => {
    io.signal.throwIfAborted();
    throw new LabError(
      { what: `Nodes of "${cluster}" started and did not become Ready`, why: "Nothing can run on them", fix },
      { cause },
    );
  });
}
