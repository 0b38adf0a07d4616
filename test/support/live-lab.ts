import type { LabFacts } from "../../experiments/types";
import { exec } from "../../host/exec";
import { type VerifyOptions, type VerifyReport, verifyLab } from "../../verify";

/** Undoes a change of a lab. */
export type Undo = () => Promise<unknown>;

/** A running lab that a test may break. The host needs no kubectl: the one of a node is used. */
export interface LiveLab {
  facts: LabFacts;
  /** kubectl on the control-plane node; throws unless it succeeds. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Runs a command on a node. */
  onNode(node: string, ...command: string[]): Promise<string>;
  verify(options: VerifyOptions, facts?: LabFacts): Promise<VerifyReport>;
}

/** The lab with these facts, whose nodes are containers of this machine's Docker. */
export function liveLab(facts: LabFacts): LiveLab {
  const inNode = async (node: string, command: readonly string[], input?: string) => {
    const flags = input === undefined ? [] : ["--interactive"];
    const options = { timeoutMs: 180_000, ...(input === undefined ? {} : { input }) };
    const result = await exec("docker", ["exec", ...flags, node, ...command], options);
    if (result.code !== 0) throw new Error(`"${result.command}" failed: ${result.stderr || result.stdout}`);
    return result.stdout;
  };
  const kubectl = ["kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"];
  return {
    facts,
    kubectl: (args, input) => inNode(`${facts.clusterName}-control-plane`, [...kubectl, ...args], input),
    onNode: (node, ...command) => inNode(node, command),
    verify: (options, seen = facts) => verifyLab(seen, options),
  };
}

interface Snapshot {
  metadata: Record<string, unknown>;
  status?: unknown;
}

/** Saves an object. The undo restores it, and creates it again if it was deleted. */
export async function keep(lab: LiveLab, kind: string, name: string, namespace = "default"): Promise<Undo> {
  const where = [kind, name, "--namespace", namespace];
  const { status: _status, ...kept } = JSON.parse(await lab.kubectl(["get", ...where, "-o", "json"])) as Snapshot;
  for (const field of ["resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"]) {
    delete kept.metadata[field];
  }
  return async () => {
    const here = await lab.kubectl(["get", ...where, "--ignore-not-found", "-o", "name"]);
    await lab.kubectl([here ? "replace" : "create", "-f", "-"], JSON.stringify(kept));
  };
}

/** Deletes an object. */
export const removed =
  (kind: string, name: string, namespace = "default") =>
  async (lab: LiveLab): Promise<Undo> => {
    const undo = await keep(lab, kind, name, namespace);
    await lab.kubectl(["delete", kind, name, "--namespace", namespace, "--wait"]);
    return undo;
  };

/** One operation of a JSON patch. */
interface Operation {
  op: "add" | "remove" | "replace";
  path: string;
  value?: unknown;
}

/** Changes an object. */
export const patched =
  (kind: string, name: string, operations: readonly Operation[], namespace = "default") =>
  async (lab: LiveLab): Promise<Undo> => {
    const undo = await keep(lab, kind, name, namespace);
    const patch = JSON.stringify(operations);
    await lab.kubectl(["patch", kind, name, "--namespace", namespace, "--type", "json", "--patch", patch]);
    return undo;
  };

/** Scales a Deployment to 0, and waits until its pods are deleted. */
export const scaledToZero =
  (name: string, namespace = "default") =>
  async (lab: LiveLab): Promise<Undo> => {
    const scale = (replicas: number) =>
      lab.kubectl(["scale", `deployment/${name}`, "--namespace", namespace, `--replicas=${replicas}`]);
    await scale(0);
    const gone = ["wait", `deployment/${name}`, "--namespace", namespace, "--for=jsonpath={.status.replicas}=0"];
    await lab.kubectl([...gone, "--timeout=5s"]).catch(() => undefined);
    return () => scale(1);
  };
