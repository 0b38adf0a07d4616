import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { type ExecResult, exec } from "../../host/exec";
import { removeFromDocker } from "../support/leftovers";
import { type Project, projectCopy } from "../support/pulumi-project";
import { artifactsAtHand } from "../support/skip";

/**
 * Removes parts of a running lab, and verifies that one command restores the lab:
 *   node --require @swc-node/register test/e2e/lost.ts [--from N] [--to N] [--stack NAME]
 */
const { values } = parseArgs({
  options: {
    from: { type: "string", default: "1" },
    to: { type: "string", default: "99" },
    stack: { type: "string", default: "lost" },
  },
});
const { stack } = values;
const cluster = `ambient-lab-${stack}`;
const nodes = ["control-plane", "worker", "worker2"].map((role) => `${cluster}-${role}`);
const rigImage = "docker.io/ambient-lab/rig-httpbin:2";
/** Name of the applications' image that only this test uses, so that the image can be removed. */
const appImage = `docker.io/ambient-lab/${stack}:1`;

interface Scenario {
  name: string;
  /** Disrupts the lab. @returns text that is added to the messages of the lab */
  disrupt(project: Project): Promise<string>;
  /** The command that restores the lab. @default up */
  command?: readonly string[];
}

const scenarios: readonly Scenario[] = [
  {
    name: "paused, then resumed",
    disrupt: async (project) => {
      const paused = await good(project, ["pause"]);
      const refused = await project.lab(["verify"]);
      const listed = await good(project, ["list"]);
      return [firstLine(paused.stdout), `verify: ${whatOf(refused)}`, `list: ${lineAbout(listed.stdout)}`].join("; ");
    },
    command: ["resume", "--no-verify"],
  },
  { name: "Docker restarted, with all nodes", disrupt: () => run("restart", "-t", "10", ...nodes) },
  { name: "one node container stopped", disrupt: () => run("stop", "-t", "10", `${cluster}-worker2`) },
  { name: "a pod lost its redirection", disrupt: removeRedirection },
  {
    name: "kubeconfig file deleted",
    disrupt: async ({ home }) => {
      rmSync(join(home, "stacks", stack, "kubeconfig"));
      return "";
    },
  },
  { name: "apps' image removed on the host", disrupt: () => run("rmi", appImage) },
  {
    name: "image removed, and the cluster deleted by hand",
    disrupt: async (project) => {
      // The image does not exist if the previous scenario has run.
      await exec("docker", ["rmi", appImage]);
      await deleteCluster();
      const refused = await project.lab(["up", "--yes", "--no-verify"]);
      await docker("tag", rigImage, appImage);
      return `first up: exit ${refused.code}, ${whatOf(refused)}; then the image was restored`;
    },
  },
  { name: "cluster deleted by hand", disrupt: deleteCluster },
  {
    name: "state file lost, cluster there",
    disrupt: async (project) => {
      rmSync(join(dirname(project.dir), "state", ".pulumi", "stacks"), { recursive: true });
      const refused = await project.lab(["up", "--no-verify"]);
      return `without --yes: exit ${refused.code}, ${whatOf(refused)}`;
    },
  },
];

/** @returns the number of scenarios without a recovery */
async function main(): Promise<number> {
  const project = await projectCopy(stack);
  let bad = 0;
  try {
    await docker("tag", rigImage, appImage);
    configure(project);
    await good(project, ["up", "--yes", "--no-verify"]);
    print("| # | disruption | messages of the lab | result | s |");
    print("|---|---|---|---|---|");
    for (const [index, scenario] of scenarios.entries()) {
      if (index + 1 < Number(values.from) || index + 1 > Number(values.to)) continue;
      const begin = performance.now();
      const before = await scenario.disrupt(project);
      const repaired = await project.lab([...(scenario.command ?? ["up", "--yes", "--no-verify"])]);
      const problem = repaired.code === 0 ? await labProblems(project) : `exit ${repaired.code}: ${whatOf(repaired)}`;
      if (problem) bad += 1;
      const said = [before, ...linesOf(repaired.stderr)].filter(Boolean).join("; ").replaceAll("|", "\\|");
      const took = Math.round((performance.now() - begin) / 1000);
      print(`| ${[index + 1, scenario.name, said || "-", problem || "ok", took].join(" | ")} |`);
    }
  } finally {
    await project.lab(["destroy", "--yes"]);
    await removeFromDocker(stack);
    await exec("docker", ["rmi", appImage]);
    project.remove();
  }
  return bad;
}

/** Problems of the restored lab, by experiments and by the preview; empty if there are none. */
async function labProblems(project: Project): Promise<string> {
  const ids = ["nodes", "load-balancer", "enrolment", "hbone", "gateway", "authz-principals"];
  const proofs = await project.lab(["verify", ...ids]);
  const preview = await project.pulumi(["preview", "--expect-no-changes"]);
  const kubeconfig = join(project.home, "stacks", stack, "kubeconfig");
  return [
    ...(proofs.code === 0 ? [] : [`verify: exit ${proofs.code}: ${lastLines(proofs.stdout)}`]),
    ...(preview.code === 0 ? [] : [`preview: ${lastLines(preview.stdout + preview.stderr)}`]),
    ...(existsSync(kubeconfig) ? [] : ["no kubeconfig"]),
  ].join("; ");
}

/** Removes the redirection rules of a pod, and nothing else, as a restart of its node can do (istio#56652). */
async function removeRedirection(): Promise<string> {
  const kubectl = ["exec", `${cluster}-control-plane`, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"];
  const path = "jsonpath={.items[0].metadata.name} {.items[0].spec.nodeName}";
  const [pod, node = ""] = (await docker(...kubectl, "get", "pods", "-l", "app=appb", "-o", path)).split(" ");
  const found = `for file in /proc/[0-9]*/environ; do grep -qsz "^HOSTNAME=${pod}$" "$file" && echo "$file" && break; done`;
  const pid = (await docker("exec", node, "sh", "-c", found)).split("/")[2] ?? "";
  const rules = 'for table in nat mangle raw; do "$tool" -t "$table" -F; done';
  const flush = `for tool in iptables-nft iptables-legacy; do "$tool-save" 2>/dev/null | grep -q ISTIO || continue; ${rules}; done`;
  await docker("exec", node, "nsenter", "-t", pid, "-n", "sh", "-c", flush);
  return "";
}

async function deleteCluster(): Promise<string> {
  const { code, stderr } = await exec("kind", ["delete", "cluster", "--name", cluster], { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(stderr);
  return "";
}

async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr, command } = await exec("docker", args, { timeoutMs: 180_000 });
  if (code !== 0) throw new Error(`"${command}" failed: ${stderr}`);
  return stdout.trim();
}

/** Runs a docker command without output. */
const run = (...args: string[]): Promise<string> => docker(...args).then(() => "");

async function good(project: Project, args: string[]): Promise<ExecResult> {
  const result = await project.lab(args);
  if (result.code !== 0) throw new Error(`"lab ${args.join(" ")}" failed: ${result.stderr}`);
  return result;
}

function configure(project: Project): void {
  const config = {
    nodeImage: process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig",
    appImage,
    ...artifactsAtHand(),
    addons: [],
  };
  const own = Object.entries(config).map(([key, value]) => [`ambient-lab:${key}`, value]);
  project.write(`Pulumi.${stack}.yaml`, stringify({ config: Object.fromEntries(own) }));
}

/** Messages of a run, without the steps of the engine. */
const linesOf = (stderr: string): string[] =>
  [...stderr.matchAll(/^ {2}((?!✓|✗)\S.*)$/gm)].map(([, line = ""]) => line).filter((line) => !line.includes(" · "));

const whatOf = ({ stderr }: ExecResult): string => /What {2}(.*)/.exec(stderr)?.[1] ?? lastLines(stderr);
const firstLine = (text: string): string => text.split("\n")[0] ?? "";
const lineAbout = (text: string): string => text.split("\n").find((line) => line.startsWith(`${stack} `)) ?? "";
const lastLines = (text: string): string => text.trim().split("\n").slice(-6).join(" / ");
const print = (line: string) => process.stdout.write(`${line}\n`);

void main().then((bad) => {
  process.exitCode = bad === 0 ? 0 : 1;
});
