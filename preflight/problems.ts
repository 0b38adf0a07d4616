import { type BillTool, supported } from "../config/versions";
import type { Problem } from "../host/errors";
import { kindClusterLabel } from "../host/kind-nodes";
import { labOwner, ownerParts, stateAddress } from "../host/lab-owner";
import { clusterName, labBin, stackDir } from "../host/paths";
import type { GatewayPorts } from "../host/ports";
import { shellWord } from "../host/shell";

/**
 * Docker does not answer.
 * @param code exit code of the client; 127 when it does not exist
 * @param complaint error output of the client
 * @param env environment of the client, which may set DOCKER_API_VERSION
 */
export function dockerMissing(code: number, complaint: string, env: NodeJS.ProcessEnv = process.env): Problem {
  const said = complaint.trim().split("\n").at(-1);
  const why = "Every node of the lab is a Docker container";
  const next = "then: npm run lab -- doctor   (without Docker: npm run lab -- plan)";
  if (code === 127) return { what: "Docker is not installed", why, fix: `Install Docker, ${next}` };
  const what = `Docker does not answer${said ? `: ${said}` : ""}`;
  if (/API version/.test(complaint))
    return {
      what,
      why: `${why}, and these versions of client and server share no API`,
      fix: env.DOCKER_API_VERSION
        ? "unset DOCKER_API_VERSION   (client and server then agree on one)"
        : "Update Docker, its client and its server   (docker version)",
    };
  if (!/permission denied/i.test(complaint)) return { what, why, fix: `${startDocker(complaint)}, ${next}` };
  return {
    what,
    why: `${why}, and this user may not use Docker`,
    fix: 'sudo usermod -aG docker "$USER"   (then log in again, or: newgrp docker)',
  };
}

/**
 * The fix for a daemon that does not answer. DOCKER_HOST or a context may name a daemon that no longer exists; the error of
 * the client contains its address (moby/moby client v0.6.0 request.go, errors.go).
 */
function startDocker(complaint: string): string {
  const [, address = ""] = /(?:Docker daemon|docker API) at (\S+?)[.;] /.exec(complaint) ?? [];
  if (["", "unix:///var/run/docker.sock"].includes(address)) return "Start Docker";
  return `Start the Docker behind ${address}, or: docker context use default; unset DOCKER_HOST   (the usual one)`;
}

/** The PATH has no supported version of a tool. */
export const toolMissing = (
  tool: Pick<BillTool, "name" | "version" | "purpose">,
  version: string | undefined,
): Problem => ({
  what: version ? `${tool.name} ${version} is not in ${supported[tool.name]}` : `There is no ${tool.name} on the PATH`,
  why: tool.purpose,
  fix: `npm run up   (brings ${tool.name} ${tool.version} into ${labBin()})`,
});

/** The stack created a cluster, and Docker does not have it. */
export const lostCluster = (stack: string): Problem => ({
  what: `The kind cluster "${clusterName(stack)}" of this stack is gone`,
  why: "The state still holds what was in it, and the engine would try to delete that first",
  fix: `npm run up -- --stack ${stack}   (creates it again)`,
});

/** Nodes of the lab do not run. */
export const sleepingCluster = (stack: string, state: "paused" | "stopped"): Problem => ({
  what:
    state === "paused"
      ? `Lab "${stack}" is paused: none of its node containers runs`
      : `Node containers of lab "${stack}" are stopped`,
  why: "A cluster whose nodes do not run answers nothing",
  fix: `npm run lab -- resume --stack ${stack}`,
});

/**
 * Docker has a cluster with the name of the stack's cluster that the stack did not create.
 * @param owner owner in the label of its network; empty without the label
 */
export const foreignCluster = (stack: string, owner: string): Problem => ({
  what: `A kind cluster "${clusterName(stack)}" exists that this stack did not make${madeBy(owner)}`,
  why: "The lab changes and deletes only a cluster that it can prove to be its own",
  fix: pastAnotherLab(stack, owner, { nodes: true }),
});

/**
 * Docker has a network with the name of the stack's network that the stack did not create.
 * @param owner owner in its label; empty without the label
 */
export const foreignNetwork = (stack: string, owner: string): Problem => ({
  what: `A Docker network "${clusterName(stack)}" exists that this stack did not make${madeBy(owner)}`,
  why: "Each lab has its own network, named like its cluster",
  fix: pastAnotherLab(stack, owner, { nodes: false }),
});

/** The folder of the stack contains the files of a lab with the state in another backend. */
export const foreignFolder = (stack: string, backend: string): Problem => ({
  what: `${stackDir(stack)} holds the files of a lab "${stack}" with the state in ${backend}`,
  why: "Both labs would have the same files, and the end of one would delete those of the other",
  fix: [
    `npm run up -- --stack ${stack.slice(0, 30)}-2   (makes a lab of another name beside it)`,
    `rm -r ${shellWord(stackDir(stack))}   (only if that lab is no more; then run the command again)`,
  ].join("\n"),
});

/**
 * Docker has a lab with the name of the stack, and neither the state nor the label of its network proves this owner.
 * @param recorded owner in the label; empty without the label
 */
export const unprovenLab = (stack: string, recorded: string, { nodes }: { nodes: boolean }): Problem => {
  const { user, backend } = ownerParts(recorded);
  const there =
    recorded === ""
      ? `Docker has a lab "${stack}" without a record of its owner`
      : `Docker has lab "${stack}" of ${user} with the state in ${backend}`;
  return {
    what: `${there}, and the state in ${ownerParts(labOwner()).backend} does not know it`,
    why: "A lab that the state does not know can be removed only by its recorded owner, with --yes or without it",
    fix: pastAnotherLab(stack, recorded, { nodes }),
  };
};

/** Fixes for a cluster or network with the stack's name: use its state, use another stack name, or remove it. */
function pastAnotherLab(stack: string, owner: string, { nodes }: { nodes: boolean }): string {
  const removal = nodes ? removalCommand(stack) : `docker network rm ${clusterName(stack)}`;
  return [
    ...theirBackend(owner),
    `npm run up -- --stack ${stack.slice(0, 30)}-2   (makes a lab of another name beside it)`,
    `${removal}   (deletes it; only if nobody uses it)`,
  ].join("\n");
}

/** A command that removes the nodes and the network of a stack. It needs only Docker: kind may not be on the PATH. */
export const removalCommand = (stack: string): string => {
  const name = clusterName(stack);
  const nodes = `docker ps --all --quiet --filter label=${kindClusterLabel}=${name}`;
  return `docker rm --force --volumes $(${nodes}); docker network rm ${name}`;
};

/** The command that selects the backend of a lab that this user created with another one; none for the lab of another user. */
function theirBackend(owner: string): string[] {
  const [theirs, ours] = [ownerParts(owner), ownerParts(labOwner())];
  const address = stateAddress(theirs.backend);
  // The state of another project in the same backend can be used only from the folder of that project.
  if (theirs.user !== ours.user || address === stateAddress(ours.backend)) return [];
  return [`export PULUMI_BACKEND_URL=${shellWord(address)}   (its state is there; then run the command again)`];
}

function madeBy(owner: string): string {
  if (owner === "") return "";
  const { user, backend } = ownerParts(owner);
  return `: it belongs to ${user}, with the state in ${backend}`;
}

/** A process listens on a port of the gateway. */
export const busyPort = (key: keyof GatewayPorts, port: number): Problem => ({
  what: `Port ${port} on 127.0.0.1 is in use`,
  why: `The lab publishes its gateway there (${key})`,
  fix: `npm run lab -- config set ${key} PORT   (a free one, 1024 to 65535)`,
});

/** Another kind cluster publishes a port of the gateway, whether it runs or not. */
export const claimedPort = (key: keyof GatewayPorts, port: number, cluster: string): Problem => ({
  what: `Port ${port} on 127.0.0.1 belongs to kind cluster "${cluster}"`,
  why: `The lab publishes its gateway there (${key}), and a cluster that is paused needs its port again`,
  fix: `npm run lab -- config set ${key} PORT   (a free one, 1024 to 65535)`,
});

/** httpPort and httpsPort are equal. */
export const samePort = (port: number): Problem => ({
  what: `Port ${port} is to be httpPort and httpsPort at once`,
  why: "The gateway has a port for each",
  fix: "npm run lab -- config set httpsPort PORT   (another free one, 1024 to 65535)",
});

/** The configured subnet overlaps with a Docker network, or with a route of this machine. */
export const subnetClash = (wanted: string, network: string, subnets: string): Problem => ({
  what: `Subnet ${wanted} overlaps with ${subnets} of ${network}`,
  why: "Two networks with the same addresses cannot both be reached",
  fix: "npm run lab -- config rm subnet   (Docker then chooses a free one), or set another",
});
