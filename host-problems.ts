import type { Problem } from "./errors";
import { clusterName, stackDir } from "./host";

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
  fix: `npm run up -- --stack ${stack}   (makes it anew), or: pulumi destroy; rm -rf ${stackDir(stack)}; pulumi up`,
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

/** A cluster has the name of the stack's, and is somebody else's. */
export const foreignCluster = (name: string): Problem => ({
  what: `A kind cluster "${name}" exists that this stack did not make`,
  why: "The lab never touches a cluster that is not its own",
  fix: `kind delete cluster --name ${name}   (if you do not need it), or use another stack: npm run up -- --stack NAME`,
});

/** A network has the name of the stack's, and is somebody else's. */
export const foreignNetwork = (name: string): Problem => ({
  what: `A Docker network "${name}" exists that this stack did not make`,
  why: "Each lab has a network of its own, named like its cluster",
  fix: `docker network rm ${name}   (if you do not need it), or use another stack: npm run up -- --stack NAME`,
});

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
