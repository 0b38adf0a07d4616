import { readFile } from "node:fs/promises";
import { parse as parseYaml } from "yaml";
import { versionProblems } from "../config/compatibility";
import type { LabConfig } from "../config/schema";
import { appNamespace, labelKeys } from "../config/vocabulary";
import { messageOf, type Problem } from "../host/errors";
import { ApiRefusal, LoginError, openApi } from "../host/kube-api";
import { type ClusterAddress, kubectlOf } from "../host/paths";
import { shellWord } from "../host/shell";
import { type ClusterFacts, readCluster } from "./existing-cluster-facts";
import { platformProblems } from "./platform";

/** Facts about an existing cluster, and the problems that stop the lab. */
export interface Examined {
  /** Absent when the cluster does not answer. */
  facts?: ClusterFacts;
  problems: Problem[];
}

/** Examines the cluster of `kubeconfig` and `context`. Reads only. */
export async function examineExisting(config: LabConfig, stack: string): Promise<Examined> {
  const { kubeconfig = "", context = "" } = config;
  const problems = await kubeconfigProblems(kubeconfig, context);
  if (problems.length > 0) return { problems };
  try {
    const read = await openApi({ kubeconfig, context });
    const [facts, platform] = await Promise.all([
      readCluster(read, stack),
      platformProblems(read, config, { kubeconfig, context }),
    ]);
    return { facts, problems: [...problemsOf(facts, config, stack), ...platform] };
  } catch (error) {
    return { problems: [outOfReach({ kubeconfig, context }, error)] };
  }
}

function problemsOf(facts: ClusterFacts, config: LabConfig, stack: string): Problem[] {
  const { istio: installed, meshOwner, kubernetes, gatewayApi } = facts;
  const problems: Problem[] = [];
  const foreign = meshOwner !== undefined && meshOwner !== stack;
  if (foreign) problems.push(foreignMesh(meshOwner, installed));
  // The lab does not upgrade the Istio of another owner.
  const own = foreign ? undefined : installed;
  problems.push(...versionProblems({ istio: config.istioVersion, kubernetes, gatewayApi, installed: own }));
  for (const plane of facts.controlPlanes) problems.push(otherControlPlane(plane));
  if (facts.selected) problems.push(otherRevision(facts.selected, config));
  if (facts.strangers.length > 0) problems.push(strangers(facts.strangers));
  if (config.addressRange && facts.metallb) problems.push(foreignMetalLb);
  return problems;
}

async function kubeconfigProblems(kubeconfig: string, context: string): Promise<Problem[]> {
  try {
    const parsed = parseYaml(await readFile(kubeconfig, "utf8")) as { contexts?: { name: string }[] } | null;
    const contexts = parsed?.contexts?.map(({ name }) => name) ?? [];
    return contexts.includes(context) ? [] : [unknownContext(kubeconfig, context, contexts)];
  } catch (error) {
    return [unreadableKubeconfig(kubeconfig, messageOf(error))];
  }
}

const unreadableKubeconfig = (file: string, reason: string): Problem => ({
  what: `Cannot read the kubeconfig "${file}": ${reason}`,
  why: 'With "cluster: existing" it is the only way to the cluster',
  fix: "npm run lab -- config set kubeconfig FILE",
});

const unknownContext = (file: string, context: string, contexts: readonly string[]): Problem => ({
  what: `Kubeconfig "${file}" has no context "${context}"; it has ${contexts.join(", ") || "none"}`,
  why: "The lab never falls back to the current context",
  fix: "npm run lab -- config set context NAME",
});

/** The problem of a cluster that could not be read. */
function outOfReach(at: ClusterAddress, error: unknown): Problem {
  const cluster = `the cluster of context "${at.context}"`;
  const why = "The lab reads the cluster before it installs anything";
  const kubectl = kubectlOf(at);
  if (error instanceof LoginError) return noLogin(error, at);
  if (error instanceof ApiRefusal && error.status === 401) {
    return {
      what: `The login to ${cluster} has expired or is not known there (HTTP 401)`,
      why,
      fix: `${kubectl} auth whoami   (must name you; first log in again by your cloud's own program)`,
    };
  }
  if (error instanceof ApiRefusal && error.status === 403) {
    return {
      what: `The login to ${cluster} may not read ${error.path} (HTTP 403)`,
      why: "The lab makes CRDs, webhooks and namespaces, which needs the rights of cluster-admin",
      fix: `${kubectl} auth can-i '*' '*' --all-namespaces   (must say "yes"), or: npm run lab -- config set context NAME`,
    };
  }
  return {
    what: `The cluster of context "${at.context}" does not answer: ${messageOf(error)}`,
    why,
    fix: `${kubectl} version   (must name the server's version)`,
  };
}

function noLogin({ program, message, cause }: LoginError, { kubeconfig, context }: ClusterAddress): Problem {
  const why = `The kubeconfig "${kubeconfig}" logs in to context "${context}" by it`;
  if (program && Reflect.get(Object(cause), "code") === "ENOENT") {
    return {
      what: `The program "${program}" is not on the PATH`,
      why,
      fix: `command -v ${shellWord(program)}   (must name it; install it first, it belongs to your cluster's provider)`,
    };
  }
  return {
    what: `${program ? `The program "${program}"` : "The login"} fails: ${message.split("\n").at(-1)}`,
    why: program ? why : `The kubeconfig "${kubeconfig}" holds it for context "${context}"`,
    fix: `${kubectlOf({ kubeconfig, context })} auth whoami   (must name you; first log in again by your cloud's own program)`,
  };
}

const foreignMesh = (owner: string, istio: string | undefined): Problem => ({
  what: owner
    ? `The namespace istio-system of this cluster belongs to lab "${owner}"`
    : `The cluster has a namespace istio-system that no lab made${istio ? `, with Istio ${istio}` : ""}`,
  why: "A cluster holds one mesh, and the lab neither changes nor removes one that it did not install",
  fix: owner
    ? `npm run destroy -- --stack ${owner}   (or: npm run lab -- config set context NAME)`
    : "npm run lab -- config set context NAME   (a cluster without Istio)",
});

const otherControlPlane = ({ object, revision }: ClusterFacts["controlPlanes"][number]): Problem => ({
  what: `The cluster has a control plane of Istio, revision "${revision}": ${object}`,
  why: "A cluster holds one mesh: both control planes would share CRDs, istio-cni and ztunnel, and might configure the same Gateways",
  fix: "npm run lab -- config set context NAME   (a cluster without Istio)",
});

const otherRevision = (revision: string, { kubeconfig = "", context = "" }: LabConfig): Problem => ({
  what: `Namespace "${appNamespace}" of this cluster selects revision "${revision}" of Istio (label ${labelKeys.revision})`,
  why: "The lab's control plane has no revision, and would configure no Gateway there",
  fix: `${kubectlOf({ kubeconfig, context })} label namespace ${appNamespace} ${labelKeys.revision}-   (only if nobody needs it), or: npm run lab -- config set context NAME`,
});

const strangers = (names: readonly string[]): Problem => ({
  what: `Namespace "default" of this cluster is in use: ${names.slice(0, 5).join(", ")}${names.length > 5 ? `, and ${names.length - 5} more` : ""}`,
  why: "The lab enrols that whole namespace in the mesh; these would be enrolled as well",
  fix: "npm run lab -- config set context NAME   (a cluster with nothing in default), or move them to a namespace of their own",
});

const foreignMetalLb: Problem = {
  what: 'Config key "addressRange" is set, and this cluster has MetalLB already',
  why: "The lab neither changes nor removes a MetalLB that it did not install; that one gives the gateway an address as well",
  fix: "npm run lab -- config rm addressRange",
};
