import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { kubernetesOf, supportTable, versionProblems } from "../../config/compatibility";
import { lookAtCluster } from "../../host/cluster-state";
import { networkNamed, readNetworks, readSubnets } from "../../host/docker-networks";
import { kindClusterLabel, listNodes } from "../../host/kind-nodes";
import { clusterName } from "../../host/paths";
import { type GatewayPorts, gatewayPorts, portIsFree, portsOfOthers } from "../../host/ports";
import { dockerPools, freeSubnet, overlap, readRoutes } from "../../host/subnets";
import { type Check, ok, unknownWithoutDocker } from "../../preflight/check";
import { examineExisting } from "../../preflight/existing-cluster";
import { busyPort, claimedPort, foreignCluster, sleepingCluster, subnetClash } from "../../preflight/problems";

const noCluster = { state: "absent", published: [] as readonly number[] } as const;

const portCheck = (id: string, key: keyof GatewayPorts, title: string): Check => ({
  id,
  title,
  kindOnly: true,
  async look({ config, stack, exec, docker }) {
    const wanted = gatewayPorts(config, stack)[key];
    const { state, published } = docker.info ? await lookAtCluster(stack, exec) : noCluster;
    const sleeps = state === "stopped" || state === "paused";
    if (sleeps || published.includes(wanted)) return ok(`${wanted} is the stack's own`);
    const cluster = docker.info ? (await portsOfOthers(clusterName(stack), exec)).get(wanted) : undefined;
    if (!cluster && (await portIsFree(wanted))) return ok(`${wanted} on 127.0.0.1`);
    const problem = cluster ? claimedPort(key, wanted, cluster) : busyPort(key, wanted);
    if (config[key]) return { status: "fail", ...problem };
    return { status: "warn", ...problem, fix: 'Nothing to do for a new stack: "up" chooses a free one and keeps it' };
  },
});

const port = portCheck("port", "httpPort", "The stack's port is free");
const httpsPort = portCheck("https-port", "httpsPort", "The stack's port for HTTPS is free");

const subnet: Check = {
  id: "subnet",
  title: "There is a subnet for the lab's network",
  kindOnly: true,
  async look({ config, stack, exec, docker }) {
    if (!docker.info) return unknownWithoutDocker;
    const networks = await readNetworks(exec);
    const own = networkNamed(stack, networks);
    const routes = docker.local && existsSync(routeTable) ? readRoutes(await readFile(routeTable, "utf8")) : [];
    if (config.subnet) {
      const { subnet: wanted } = config;
      const [route] = routes
        .filter((each) => overlap(each.subnet, wanted))
        .sort((a, b) => Number(b.onLink) - Number(a.onLink));
      if (!route) return ok(wanted);
      // What lies behind a gateway may leave these addresses unused.
      const status = route.onLink ? "fail" : "warn";
      return { status, ...subnetClash(wanted, `the route of this machine by ${route.interface}`, route.subnet) };
    }
    if (own) return ok(`network "${own.name}" has one`);
    const names = networks.map(({ name }) => name);
    const used = (await readSubnets(exec, names)).flatMap(({ subnets }) => subnets);
    // Docker does not give a network the addresses of a neighbour (moby v28.0.0 libnetwork/netutils/utils_linux.go).
    const taken = [...used, ...routes.filter(({ onLink }) => onLink).map((route) => route.subnet)];
    const { addressPools } = docker.info;
    const free = freeSubnet(addressPools.length > 0 ? addressPools : dockerPools, taken);
    if (free) return ok(`Docker has ${free} left`);
    const other = freeSubnet([{ base: "10.200.0.0/16", size: 24 }], [...used, ...routes.map((route) => route.subnet)]);
    return {
      status: "fail",
      what: `Docker's address pools are used up by ${networks.length} networks`,
      why: "Docker takes the subnet of the lab's network from a pool",
      fix: `docker network prune   (removes networks without a container), or: npm run lab -- config set subnet ${other ?? "SUBNET"}`,
    };
  },
};

const routeTable = "/proc/net/route";

const ownCluster: Check = {
  id: "cluster",
  title: "The stack's cluster is its own",
  kindOnly: true,
  async look({ stack, exec, docker }) {
    if (!docker.info) return unknownWithoutDocker;
    const { state, owner } = await lookAtCluster(stack, exec);
    const name = clusterName(stack);
    if (state === "absent") return ok(`no cluster "${name}" yet`);
    if (state === "running") return ok(`"${name}" runs`);
    if (state === "stopped" || state === "paused") return { status: "warn", ...sleepingCluster(stack, state) };
    return { status: "fail", ...foreignCluster(stack, owner) };
  },
};

const otherClusters: Check = {
  id: "other-clusters",
  title: "No other kind cluster shares the machine",
  kindOnly: true,
  async look({ stack, exec, docker }) {
    if (!docker.info) return unknownWithoutDocker;
    const { stdout } = await listNodes(exec, `{{.State}} {{.Label "${kindClusterLabel}"}}`);
    const running = stdout.split("\n").flatMap((line) => /^running (.+)$/.exec(line)?.[1] ?? []);
    const others = [...new Set(running)].filter((name) => name !== clusterName(stack));
    if (others.length === 0) return ok("none runs");
    return {
      status: "warn",
      what: `These kind clusters run as well: ${others.join(", ")}`,
      why: "They do not disturb the lab, but they share memory, disk and inotify limits with it",
      fix: `kind delete cluster --name ${others[0]}   (if you do not need it)`,
    };
  },
};

const versionsFit: Check = {
  id: "versions",
  title: "Istio supports the nodes' Kubernetes",
  kindOnly: true,
  look({ config: { istioVersion, nodeImage } }) {
    const kubernetes = kubernetesOf(nodeImage);
    const [problem] = versionProblems({ istio: istioVersion, kubernetes });
    if (problem) return { status: "fail", ...problem };
    if (kubernetes) return ok(`Istio ${istioVersion}, Kubernetes ${kubernetes}`);
    return {
      status: "warn",
      what: `The tag of "${nodeImage}" does not tell its version of Kubernetes`,
      why: supportTable(),
      fix: "npm run lab -- config set nodeImage kindest/node:VERSION   (or go on, if you know that it is one of these)",
    };
  },
};

const existingCluster: Check = {
  id: "existing",
  title: "The cluster is there, fits Istio, and has room for the lab",
  kindOnly: false,
  existingOnly: true,
  async look({ stack, config }) {
    const { facts, problems } = await examineExisting(config, stack);
    const [problem] = problems;
    if (problem) return { status: "fail", ...problem };
    const theirs = facts?.gatewayApi ? `, its own Gateway API ${facts.gatewayApi.version}` : "";
    return ok(`Kubernetes ${facts?.kubernetes}${theirs}, Istio ${config.istioVersion}`);
  },
};

/** Checks of the stack's ports, cluster and versions. */
export const stackChecks: readonly Check[] = [
  port,
  httpsPort,
  subnet,
  ownCluster,
  otherClusters,
  versionsFit,
  existingCluster,
];
