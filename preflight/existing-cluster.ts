import { readFile } from "node:fs/promises";
import { parse as parseYaml } from "yaml";
import { versionProblems } from "../config/compatibility";
import type { LabConfig } from "../config/schema";
import { labelKeys } from "../config/vocabulary";
import { messageOf, type Problem } from "../host/errors";
import { openApi } from "../host/kube-api";
import { kubectlOf } from "../host/paths";
import { type ClusterFacts, type ForeignNamespace, readCluster } from "./existing-cluster-facts";

/** A cluster that the lab did not make: what it has, as far as it answers, and what is in the lab's way. */
export interface Examined {
  facts?: ClusterFacts;
  problems: Problem[];
}

/** Looks at the cluster of `kubeconfig` and `context`. Reads only. */
export async function examineExisting(config: LabConfig, stack: string): Promise<Examined> {
  const { kubeconfig = "", context = "" } = config;
  const problems = await kubeconfigProblems(kubeconfig, context);
  if (problems.length > 0) return { problems };
  try {
    const facts = await readCluster(await openApi({ kubeconfig, context }), stack);
    return { facts, problems: problemsOf(facts, config, stack) };
  } catch (error) {
    return { problems: [silent(kubeconfig, context, messageOf(error))] };
  }
}

function problemsOf(facts: ClusterFacts, config: LabConfig, stack: string): Problem[] {
  const { istio: installed, meshOwner, kubernetes, gatewayApi } = facts;
  const problems: Problem[] = [];
  const foreign = meshOwner !== undefined && meshOwner !== stack;
  if (foreign) problems.push(foreignMesh(meshOwner, installed));
  // What others run there is not the lab's to upgrade.
  const own = foreign ? undefined : installed;
  problems.push(...versionProblems({ istio: config.istioVersion, kubernetes, gatewayApi, installed: own }));
  if (facts.strangers.length > 0) problems.push(strangers(facts.strangers));
  const taken = facts.foreignNamespaces.filter(({ module }) => config.modules.includes(module));
  problems.push(...taken.map((each) => foreignNamespace(each, config, stack)));
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

const silent = (kubeconfig: string, context: string, reason: string): Problem => ({
  what: `The cluster of context "${context}" does not answer: ${reason}`,
  why: "The lab looks what is there before it installs anything",
  fix: `${kubectlOf({ kubeconfig, context })} version   (must name the server's version)`,
});

const foreignMesh = (owner: string, istio: string | undefined): Problem => ({
  what: owner
    ? `The namespace istio-system of this cluster belongs to lab "${owner}"`
    : `The cluster has a namespace istio-system that no lab made${istio ? `, with Istio ${istio}` : ""}`,
  why: "A cluster holds one mesh, and the lab neither changes nor removes one that it did not install",
  fix: owner
    ? `npm run destroy -- --stack ${owner}   (or: npm run lab -- config set context NAME)`
    : "npm run lab -- config set context NAME   (a cluster without Istio)",
});

const strangers = (names: readonly string[]): Problem => ({
  what: `Namespace "default" of this cluster is in use: ${names.slice(0, 5).join(", ")}${names.length > 5 ? `, and ${names.length - 5} more` : ""}`,
  why: "The lab enrols that whole namespace in the mesh; these would be enrolled as well",
  fix: "npm run lab -- config set context NAME   (a cluster with nothing in default), or move them to a namespace of their own",
});

const foreignNamespace = (
  { name, module, owner }: ForeignNamespace,
  { kubeconfig = "", context = "" }: LabConfig,
  stack: string,
): Problem => ({
  what: `The cluster has a namespace "${name}" that ${owner ? `lab "${owner}"` : "no lab"} made, and module ${module} makes one of that name`,
  why: "The lab would take it for its own, and delete it with all that is in it",
  fix: [
    "npm run lab -- config rm modules   (or: npm run lab -- config set context NAME)",
    ...(owner
      ? []
      : [
          `${kubectlOf({ kubeconfig, context })} label namespace ${name} ${labelKeys.stack}=${stack}   (only if an earlier version of this lab made it)`,
        ]),
  ].join("\n"),
});

const foreignMetalLb: Problem = {
  what: 'Config key "addressRange" is set, and this cluster has MetalLB already',
  why: "The lab neither changes nor removes a MetalLB that it did not install; that one gives the gateway an address as well",
  fix: "npm run lab -- config rm addressRange",
};
