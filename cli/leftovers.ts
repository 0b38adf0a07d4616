import { rm } from "node:fs/promises";
import { ExitCode, LabError } from "../errors";
import { run } from "../exec";
import { clusterName, stackDir } from "../host";
import { clusterState } from "../host-check";
import { otherBackend } from "./backend-record";
import type { StackState } from "./engine/types";
import { nodesOf, nodesText } from "./nodes";
import type { Session } from "./session";
import { backendUrl } from "./stack-name";

/** Asks whoever called the command; false when nobody can answer. */
export type Agree = (question: string) => Promise<boolean>;

/**
 * Removes what Docker has of the stack while its state knows nothing of it: the state was lost. The network's label says
 * whose it is. A cluster is removed with consent alone, an empty network without; nothing that another backend knows.
 * @param state absent when there is no stack
 * @returns whether there was anything
 * @throws LabError (exit code 2) without consent, and for a lab whose state is in another backend
 */
export async function clearLeftovers(session: Session, state: StackState | undefined, agree: Agree): Promise<boolean> {
  const { io, stack, config, progress } = session;
  const name = clusterName(stack);
  if (config.cluster !== "kind" || state?.resources.some(isNetwork)) return false;
  const label = '{{index .Labels "ambient-lab.stack"}}';
  const network = await io.exec("docker", ["network", "inspect", "--format", label, name]);
  if (network.code !== 0 || network.stdout.trim() !== stack) return false;
  if ((await clusterState(stack, io.exec)) === "foreign") return false;
  const elsewhere = await otherBackend(io, stack);
  if (elsewhere !== undefined) throw known(session, elsewhere);
  const nodes = (await nodesOf(stack, io.exec)).map((node) => node.name);
  if (nodes.length > 0) {
    progress.line(
      `  Docker has ${nodesText(nodes.length)} of lab "${stack}", and the state does not know of them: it was lost`,
    );
    progress.status("");
    if (!(await agree(`Remove the cluster of lab "${stack}" and all that is in it?`))) throw unwanted(session);
  }
  const docker = (...args: string[]) =>
    run(io.exec, "docker", args, {
      why: `It is what is left of lab "${stack}", whose state was lost`,
      fix: `kind delete cluster --name ${name}; docker network rm ${name}; then run the command again`,
      timeoutMs: 120_000,
    });
  if (nodes.length > 0) await docker("rm", "--force", "--volumes", ...nodes);
  await docker("network", "rm", name);
  await rm(stackDir(stack), { recursive: true, force: true });
  progress.line(`  What was left of lab "${stack}" in Docker is removed: ${nodesText(nodes.length)}, its network`);
  return true;
}

const isNetwork = ({ type }: StackState["resources"][number]) => type === "docker:index/network:Network";

function unwanted({ io, stack }: Session): LabError {
  return new LabError(
    {
      what: `Docker has the cluster of lab "${stack}", and the state in ${backendUrl(io)} does not know it`,
      why: "Its state was lost, or is in another backend; without it nobody knows what in the cluster is whose",
      fix: `PULUMI_BACKEND_URL=... npm run up -- --stack ${stack}   (if the state is elsewhere)\nnpm run up -- --stack ${stack} --yes   (removes the cluster and makes the lab anew)`,
    },
    { exitCode: ExitCode.usage },
  );
}

/** Consent to an end is none to the end of what somebody works with from another checkout or shell. */
function known({ io, stack }: Session, elsewhere: string): LabError {
  const name = clusterName(stack);
  return new LabError(
    {
      what: `Lab "${stack}" is there, and its state is in ${elsewhere}, not in ${backendUrl(io)}`,
      why: "Another backend is selected (PULUMI_BACKEND_URL, or Pulumi.yaml's); removing the lab from here would lose it there",
      fix: `export PULUMI_BACKEND_URL=${elsewhere}   (then run the command again)\nkind delete cluster --name ${name}; docker network rm ${name}   (if that state is of no use any more)`,
    },
    { exitCode: ExitCode.usage },
  );
}
