import { existsSync } from "node:fs";
import semver from "semver";
import { readPrivateCa } from "../artifacts/private-ca";
import { kubernetesOf, versionProblems } from "../config/compatibility";
import type { LabConfig } from "../config/schema";
import { supported, tools } from "../config/versions";
import { lookAtCluster } from "../host/cluster-state";
import {
  backendOfFolder,
  type DockerNetwork,
  mayBeOwn,
  networkNamed,
  readNetworks,
  readSubnets,
} from "../host/docker-networks";
import { ExitCode, LabError, LabErrors, type Problem, UnfitError } from "../host/errors";
import type { Exec } from "../host/exec";
import { openApi } from "../host/kube-api";
import { labOwner } from "../host/lab-owner";
import { clusterName, markerFile, ownCluster, stackDir } from "../host/paths";
import { type GatewayPorts, gatewayPorts, portIsFree, portKeys, portsOfOthers } from "../host/ports";
import { overlap } from "../host/subnets";
import { writeWhole } from "../host/write-file";
import { dockerProblems } from "./docker-checks";
import { readDocker } from "./docker-facts";
import { examineExisting } from "./existing-cluster";
import { readIstio } from "./existing-cluster-facts";
import {
  busyPort,
  claimedPort,
  dockerMissing,
  foreignCluster,
  foreignFolder,
  foreignNetwork,
  lostCluster,
  samePort,
  sleepingCluster,
  subnetClash,
  toolMissing,
} from "./problems";

/** Facts about the machine that the program needs. */
export interface HostFacts extends GatewayPorts {
  /** SHA-256 of `caFile`. */
  caDigest?: string;
  /** Address of Docker: DOCKER_HOST, or that of the current context; absent when it is not known. */
  dockerHost?: string;
  /** MTU of Docker's default network, in bytes; absent when it is not configured. */
  mtu?: number;
  /** Version of Istio that the cluster runs now; absent without Istio. */
  installedIstio?: string;
  /** Gateway API bundle of an existing cluster that the lab did not install and does not change. */
  gatewayApi?: { version: string };
}

/** Options of {@link checkHost}. */
export interface HostCheckOptions {
  /** Accepts a lost cluster: the caller recovers from it. */
  lostClusterIsFine?: boolean;
  /** Skips the checks of Docker, which doctor has run. */
  examined?: boolean;
  /** Requires kind on the PATH, which the scripts of an update run. */
  makes?: boolean;
}

/**
 * Checks Docker and the stack's cluster, ports and subnet. Changes nothing, except that it restores a lost kubeconfig file of
 * the stack.
 * @throws LabErrors (exit code 4) with every problem at once
 */
export async function checkHost(
  config: LabConfig,
  stack: string,
  exec: Exec,
  { lostClusterIsFine = false, examined = false, makes = false }: HostCheckOptions = {},
): Promise<HostFacts> {
  const ports = gatewayPorts(config, stack);
  const problems: Problem[] = [];
  const ca = caOf(config, problems);
  if (config.cluster === "existing") {
    const { facts, problems: found } = await examineExisting(config, stack);
    problems.push(...found, ...folderProblems(stack));
    if (problems.length > 0) throw new LabErrors(problems, ExitCode.unfit);
    return { ...ports, installedIstio: facts?.istio, gatewayApi: facts?.gatewayApi, ...ca };
  }

  // In parallel: every preview waits for these answers.
  const pendingNetworks = readNetworks(exec);
  const [docker, { state, published, owner }, ofNetworks, mtu, ofKind, claimed] = await Promise.all([
    readDocker(exec, process.env),
    lookAtCluster(stack, exec, { networks: pendingNetworks }),
    networkProblems(config, stack, exec, pendingNetworks),
    bridgeMtu(exec),
    makes ? kindProblems(exec) : [],
    portsOfOthers(clusterName(stack), exec),
  ]);
  if (!docker.info) throw new LabErrors([dockerMissing(docker.code, docker.complaint)], ExitCode.unfit);
  if (!examined) problems.push(...(await dockerProblems({ env: process.env, exec, stack, config, docker })));
  problems.push(...ofKind);
  const ofFolder = state === "foreign" ? [] : folderProblems(stack);
  problems.push(...ofFolder);
  const lost = state === "absent" && existsSync(markerFile(stackDir(stack)));
  if (lost && ofFolder.length === 0 && !lostClusterIsFine) problems.push(lostCluster(stack));
  if (state === "paused" || state === "stopped") problems.push(sleepingCluster(stack, state));
  // A running cluster holds its ports. With other ports it is replaced, and kind finds an occupied port only after its deletion.
  if (state === "absent" || state === "running") problems.push(...(await portProblems(ports, published, claimed)));
  problems.push(...(state === "foreign" ? [foreignCluster(stack, owner)] : ofNetworks));
  if (state === "running") await restoreKubeconfig(stack, exec);
  const installedIstio = state === "running" ? await istioOf(stack) : undefined;
  const kubernetes = kubernetesOf(config.nodeImage);
  problems.push(...versionProblems({ istio: config.istioVersion, kubernetes, installed: installedIstio }));
  if (problems.length > 0) throw new LabErrors(problems, ExitCode.unfit);
  return { ...ports, dockerHost: docker.endpoint || undefined, mtu, installedIstio, ...ca };
}

/** The problem of a folder with the files of a lab that has its state in another backend. */
function folderProblems(stack: string): Problem[] {
  const backend = backendOfFolder(stack, labOwner());
  return backend ? [foreignFolder(stack, backend)] : [];
}

/** Problems of the kind that the scripts run. */
async function kindProblems(exec: Exec): Promise<Problem[]> {
  const version = await toolVersion("kind", exec);
  return version && fitsRange(version, supported.kind) ? [] : [toolMissing(tools.kind, version)];
}

/** Version that a tool reports; undefined when it does not exist or reports none. */
export async function toolVersion(program: string, exec: Exec): Promise<string | undefined> {
  const { code, stdout } = await exec(program, ["version"], { env: { PULUMI_SKIP_UPDATE_CHECK: "true" } });
  return code === 0 ? /v?(\d+\.\d+\.\d+[\w.+-]*)/.exec(stdout)?.[1] : undefined;
}

/** Whether a tool's version is in a range; prereleases count. */
export const fitsRange = (version: string, range: string): boolean =>
  semver.satisfies(version, range, { includePrerelease: true });

/** kind sets this MTU on its own network (kubernetes-sigs/kind v0.32.0 pkg/cluster/internal/providers/docker/network.go). */
async function bridgeMtu(exec: Exec): Promise<number | undefined> {
  const option = '{{index .Options "com.docker.network.driver.mtu"}}';
  const { stdout } = await exec("docker", ["network", "inspect", "bridge", "--format", option]);
  return Number(stdout) || undefined;
}

async function portProblems(
  ports: GatewayPorts,
  published: readonly number[],
  claimed: ReadonlyMap<number, string>,
): Promise<Problem[]> {
  if (ports.httpPort === ports.httpsPort) return [samePort(ports.httpPort)];
  const found = await Promise.all(
    portKeys.map(async (key): Promise<Problem[]> => {
      const port = ports[key];
      if (published.includes(port)) return [];
      const cluster = claimed.get(port);
      if (cluster) return [claimedPort(key, port, cluster)];
      return (await portIsFree(port)) ? [] : [busyPort(key, port)];
    }),
  );
  return found.flat();
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

/** @throws UnfitError when Docker does not answer */
export async function requireDocker(exec: Exec): Promise<void> {
  const { code, stderr } = await exec("docker", ["version", "--format", "{{.Server.Version}}"]);
  if (code !== 0) throw new UnfitError(dockerMissing(code, stderr));
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
  // The lab's own network may get another subnet.
  const others = networks.filter((network) => network !== own).map(({ name }) => name);
  return (await readSubnets(exec, others))
    .filter(({ subnets }) => subnets.some((subnet) => overlap(subnet, wanted)))
    .map(({ name, subnets }) => subnetClash(wanted, `the Docker network "${name}"`, subnets.join(", ")));
}

/** Istio of the stack's running cluster; undefined when the cluster does not answer, which the engine reports. */
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
