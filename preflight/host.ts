import { existsSync } from "node:fs";
import ipaddr from "ipaddr.js";
import { readPrivateCa } from "../artifacts/private-ca";
import { kubernetesOf, versionProblems } from "../config/compatibility";
import type { LabConfig } from "../config/schema";
import { lookAtCluster } from "../host/cluster-state";
import { type DockerNetwork, mayBeOwn, networkNamed, readNetworks } from "../host/docker-networks";
import { ExitCode, LabError, LabErrors, type Problem } from "../host/errors";
import type { Exec } from "../host/exec";
import { openApi } from "../host/kube-api";
import { labOwner } from "../host/lab-owner";
import { clusterName, markerFile, ownCluster, stackDir } from "../host/paths";
import { type GatewayPorts, gatewayPorts, portIsFree, portKeys } from "../host/ports";
import { writeWhole } from "../host/write-file";
import { examineExisting } from "./existing-cluster";
import { readIstio } from "./existing-cluster-facts";
import {
  busyPort,
  dockerMissing,
  foreignCluster,
  foreignNetwork,
  lostCluster,
  samePort,
  sleepingCluster,
  subnetClash,
} from "./problems";

/** What the program must know of the machine before it declares anything. */
export interface HostFacts extends GatewayPorts {
  /** SHA-256 of `caFile`. */
  caDigest?: string;
  /** Address of Docker: of DOCKER_HOST, else of the current context; none when it cannot be told. */
  dockerHost?: string;
  /** Version of Istio that the cluster runs now; none when it is to be installed. */
  installedIstio?: string;
  /** Gateway API bundle of an existing cluster that the lab did not install and does not change. */
  gatewayApi?: { version: string };
}

/**
 * Looks at Docker, the stack's cluster, port and subnet. Changes nothing but the stack's own kubeconfig file, which it
 * writes again when it was lost.
 *
 * @throws LabErrors (exit code 4) with every problem at once
 */
export async function checkHost(
  config: LabConfig,
  stack: string,
  exec: Exec,
  { lostClusterIsFine = false } = {},
): Promise<HostFacts> {
  const ports = gatewayPorts(config, stack);
  const problems: Problem[] = [];
  const ca = caOf(config, problems);
  if (config.cluster === "existing") {
    const { facts, problems: found } = await examineExisting(config, stack);
    problems.push(...found);
    if (problems.length > 0) throw new LabErrors(problems, ExitCode.unfit);
    return { ...ports, installedIstio: facts?.istio, gatewayApi: facts?.gatewayApi, ...ca };
  }

  // Side by side: every preview waits for these answers.
  const pendingNetworks = readNetworks(exec);
  const [dockerHost, { state, published, owner }, ofNetworks] = await Promise.all([
    currentDockerHost(exec),
    lookAtCluster(stack, exec, { networks: pendingNetworks }),
    networkProblems(config, stack, exec, pendingNetworks),
    requireDocker(exec),
  ]);
  if (state === "absent" && existsSync(markerFile(stackDir(stack))) && !lostClusterIsFine)
    problems.push(lostCluster(stack));
  if (state === "paused" || state === "stopped") problems.push(sleepingCluster(stack, state));
  // A living cluster holds its ports. Other ones make it anew, and it would be gone before kind finds them taken.
  if (state === "absent" || state === "running") problems.push(...(await portProblems(ports, published)));
  problems.push(...(state === "foreign" ? [foreignCluster(stack, owner)] : ofNetworks));
  if (state === "running") await restoreKubeconfig(stack, exec);
  const installedIstio = state === "running" ? await istioOf(stack) : undefined;
  const kubernetes = kubernetesOf(config.nodeImage);
  problems.push(...versionProblems({ istio: config.istioVersion, kubernetes, installed: installedIstio }));
  if (problems.length > 0) throw new LabErrors(problems, ExitCode.unfit);
  return { ...ports, dockerHost, installedIstio, ...ca };
}

async function portProblems(ports: GatewayPorts, published: readonly number[]): Promise<Problem[]> {
  if (ports.httpPort === ports.httpsPort) return [samePort(ports.httpPort)];
  const fit = await Promise.all(portKeys.map((key) => published.includes(ports[key]) || portIsFree(ports[key])));
  return portKeys.filter((_, index) => !fit[index]).map((key) => busyPort(key, ports[key]));
}

function caOf({ caFile }: LabConfig, problems: Problem[]): Pick<HostFacts, "caDigest"> {
  if (!caFile) return {};
  try {
    return { caDigest: readPrivateCa(caFile).digest };
  } catch (thrown) {
    if (!(thrown instanceof LabError)) throw thrown;
    problems.push(thrown);
    return {};
  }
}

/**
 * Asks Docker for a sign of life.
 * @throws LabErrors (exit code 4) when there is none
 */
export async function requireDocker(exec: Exec): Promise<void> {
  const { code, stderr } = await exec("docker", ["version", "--format", "{{.Server.Version}}"]);
  if (code !== 0) throw new LabErrors([dockerMissing(code, stderr)], ExitCode.unfit);
}

async function currentDockerHost(exec: Exec): Promise<string | undefined> {
  if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST;
  const { stdout } = await exec("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
  return stdout || undefined;
}

async function networkProblems(
  { subnet: wanted }: LabConfig,
  stack: string,
  exec: Exec,
  pending: Promise<readonly DockerNetwork[]>,
): Promise<Problem[]> {
  const networks = await pending;
  const own = networkNamed(stack, networks);
  if (own && !mayBeOwn(own, stack, labOwner())) return [foreignNetwork(stack, own.owner)];
  if (!wanted) return [];
  // The lab's own network as well may be about to get another subnet.
  const others = networks.filter((network) => network !== own).map(({ name }) => name);
  const format = "{{.Name}} {{range .IPAM.Config}}{{.Subnet}} {{end}}";
  const { stdout } = await exec("docker", ["network", "inspect", "--format", format, ...others]);
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(" "))
    .filter(([, ...subnets]) => subnets.some((subnet) => overlap(subnet, wanted)))
    .map(([other = "", ...subnets]) => subnetClash(wanted, other, subnets.filter(Boolean).join(", ")));
}

function overlap(a: string, b: string): boolean {
  if (!ipaddr.IPv4.isValidCIDR(a) || !ipaddr.IPv4.isValidCIDR(b)) return false;
  const [first, second] = [ipaddr.IPv4.parseCIDR(a), ipaddr.IPv4.parseCIDR(b)];
  const prefix = Math.min(first[1], second[1]);
  return first[0].match(second[0], prefix);
}

/** Istio of the stack's running cluster. One that does not answer is not judged here: the engine meets it next. */
async function istioOf(stack: string): Promise<string | undefined> {
  try {
    return await readIstio(await openApi(ownCluster(stack)));
  } catch {
    return undefined;
  }
}

async function restoreKubeconfig(stack: string, exec: Exec): Promise<void> {
  const { kubeconfig } = ownCluster(stack);
  if (existsSync(kubeconfig)) return;
  const { code, stdout } = await exec("kind", ["get", "kubeconfig", "--name", clusterName(stack)]);
  if (code === 0) writeWhole(kubeconfig, `${stdout}\n`, 0o600);
}
