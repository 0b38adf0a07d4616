import type { Problem } from "./errors";
import { clusterName, stackDir } from "./host";
import { labOwner, ownerParts } from "./lab-owner";
import { shellWord } from "./shell";

/** @param code exit code of the client; 127 when there is none */
export const dockerMissing = (code: number, stderr: string): Problem => ({
  what: code === 127 ? "Docker is not installed" : `Docker does not answer: ${stderr.trim().split("\n").at(-1)}`,
  why: "Every node of the lab is a Docker container",
  fix: `${code === 127 ? "Install" : "Start"} Docker, then: npm run lab -- doctor   (without Docker: npm run lab -- plan)`,
});

/** The stack made a cluster, and Docker has none. */
export const lostCluster = (stack: string): Problem => ({
  what: `The kind cluster "${clusterName(stack)}" of this stack is gone`,
  why: "The state still holds what was in it, and the engine would try to delete that first",
  fix: `npm run up -- --stack ${stack}   (makes it anew), or: pulumi destroy; rm -rf ${shellWord(stackDir(stack))}; pulumi up`,
});

/** What stands in the way of whoever wants something of a lab whose nodes do not run. */
export const sleepingCluster = (stack: string, state: "paused" | "stopped"): Problem => ({
  what:
    state === "paused"
      ? `Lab "${stack}" is paused: none of its node containers runs`
      : `Node containers of lab "${stack}" are stopped`,
  why: "A cluster whose nodes do not run answers nothing",
  fix: `npm run lab -- resume --stack ${stack}`,
});

/**
 * Docker has a cluster with the name of the stack's, and it is not the stack's.
 * @param owner owner that the label of its network names; empty without one
 */
export const foreignCluster = (stack: string, owner: string): Problem => {
  const name = clusterName(stack);
  return {
    what: `A kind cluster "${name}" exists that this stack did not make${madeBy(owner)}`,
    why: "The lab changes and deletes only a cluster that it can prove to be its own",
    fix: [
      ...theirBackend(owner),
      besideIt(stack),
      `${removalCommand(stack)}   (only if the cluster is of no use to anyone: deletes it)`,
    ].join("\n"),
  };
};

/**
 * Docker has a network with the name of the stack's, and it is not the stack's.
 * @param owner owner that its label names; empty without one
 */
export const foreignNetwork = (stack: string, owner: string): Problem => {
  const name = clusterName(stack);
  return {
    what: `A Docker network "${name}" exists that this stack did not make${madeBy(owner)}`,
    why: "Each lab has a network of its own, named like its cluster",
    fix: [
      ...theirBackend(owner),
      besideIt(stack),
      `docker network rm ${name}   (only if the network is of no use to anyone)`,
    ].join("\n"),
  };
};

/** A command that creates another lab beside one that has the name of the stack's. */
export const besideIt = (stack: string): string =>
  `npm run up -- --stack ${stack.slice(0, 30)}-2   (makes a lab of another name beside it)`;

/** A command that removes what Docker has under the names of a stack. It needs Docker alone. */
export const removalCommand = (stack: string): string => {
  const name = clusterName(stack);
  const nodes = `docker ps --all --quiet --filter label=io.x-k8s.kind.cluster=${name}`;
  return `docker rm --force --volumes $(${nodes}); docker network rm ${name}`;
};

/** The command that leads to the state of a lab which this user made with another backend; none for another user's. */
export function theirBackend(owner: string): string[] {
  const [theirs, ours] = [ownerParts(owner), ownerParts(labOwner())];
  if (theirs.user !== ours.user || theirs.backend === ours.backend) return [];
  return [`export PULUMI_BACKEND_URL=${shellWord(theirs.backend)}   (its state is there; then run the command again)`];
}

function madeBy(owner: string): string {
  if (owner === "") return "";
  const { user, backend } = ownerParts(owner);
  return `: it belongs to ${user}, with the state in ${backend}`;
}

/** Something listens where the gateway is to be published. */
export const busyPort = (key: "httpPort" | "httpsPort", port: number): Problem => ({
  what: `Port ${port} on 127.0.0.1 is in use`,
  why: `The lab publishes its gateway there (${key})`,
  fix: `pulumi config set ${key} PORT   (a free one, 1024 to 65535)`,
});

/** HTTP and HTTPS are to be published on one port. */
export const samePort = (port: number): Problem => ({
  what: `Port ${port} is to be httpPort and httpsPort at once`,
  why: "The gateway has a port for each",
  fix: "pulumi config set httpsPort PORT   (another free one, 1024 to 65535)",
});

/** The asked subnet belongs to another network of Docker. */
export const subnetClash = (wanted: string, network: string, subnets: string): Problem => ({
  what: `Subnet ${wanted} overlaps with ${subnets} of the Docker network "${network}"`,
  why: "Two networks with the same addresses cannot both be reached",
  fix: "pulumi config rm subnet   (Docker then chooses a free one), or set another",
});
