import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { exec } from "../../host/exec";
import { listNodes } from "../../host/kind-nodes";
import { interrupt, type KillTarget, type Moment, type Run } from "../support/interruption";
import { removeFromDocker } from "../support/leftovers";
import { type Project, projectCopy } from "../support/pulumi-project";
import { artifactsAtHand } from "../support/skip";

/**
 * Interrupts runs of `up` and `destroy`, and verifies that the next run recovers:
 *   node --require @swc-node/register test/e2e/interrupt.ts [--points N] [--from N] [--to N] [--per-lab N] [--stack NAME]
 * `--per-lab`: number of interruptions of one lab, one after another, before the lab is verified and removed.
 */
const duringUp = (resource: string, victim: KillTarget, afterMs = 500): [Moment, KillTarget] => [
  { operation: "up", resource, afterMs },
  victim,
];
const duringDestroy = (resource: string, victim: KillTarget, afterMs = 500): [Moment, KillTarget] => [
  { operation: "destroy", resource, afterMs },
  victim,
];

/** Interruptions in the order of `up`, so that one lab can have several. An interruption of `destroy` is the last one of a lab. */
const points: readonly [Moment, KillTarget][] = [
  duringUp("cluster-kind", "kill engine", 3000),
  duringUp("images-load-mesh", "kill program", 2000),
  duringUp("istiod", "kill group", 1500),
  duringUp("ingress-rollout", "kill engine", 200),
  duringDestroy("cluster-kind", "kill engine", 300),
  duringUp("cluster-kind", "kill cli", 8000),
  duringUp("metallb", "INT cli", 2000),
  duringUp("istio-cni", "kill engine", 1000),
  duringUp("policies-appb-l7", "kill group", 0),
  duringDestroy("cluster-kind", "kill group", 2000),
  duringUp("start", "kill group", 3000),
  duringUp("cluster-kind", "INT group", 12_000),
  duringUp("gateway-api", "kill cli", 500),
  duringUp("waypoint-gateway", "kill program", 500),
  duringDestroy("cluster-kind", "INT cli", 300),
  duringUp("cluster-network", "kill engine", 0),
  duringUp("cluster-kind", "kill group", 15_000),
  duringUp("istio-base", "kill engine", 300),
  duringUp("appa", "kill group", 300),
  duringDestroy("cluster-network-removal", "kill cli", 0),
  duringUp("images-load-mesh", "INT cli", 1000),
  duringUp("ztunnel", "kill engine", 1500),
];

const count = (name: "points" | "from" | "to" | "per-lab") => Number(values[name]);
const { values } = parseArgs({
  options: {
    points: { type: "string", default: String(points.length) },
    from: { type: "string", default: "1" },
    to: { type: "string", default: String(points.length) },
    "per-lab": { type: "string", default: "1" },
    stack: { type: "string", default: "int-a" },
  },
});
const { stack } = values;

/** @returns the number of interruptions without a recovery */
async function main(): Promise<number> {
  const project = await projectCopy(stack);
  const chosen = points.slice(count("from") - 1, count("to")).slice(0, count("points"));
  let bad = 0;
  let onThisLab = 0;
  print("| # | run | moment | ended | pending operations | what the next run did | result | s |");
  print("|---|---|---|---|---|---|---|---|");
  for (const [index, [moment, victim]] of chosen.entries()) {
    const begin = performance.now();
    configure(project);
    if (moment.operation === "destroy" && onThisLab === 0) await good(project, ["up", "--yes", "--no-verify"]);
    onThisLab += 1;
    const { pending, stderr } = await interrupt(runOf(project, moment.operation), moment, victim);
    const next = chosen[index + 1]?.[0];
    // The next interruption is of the same lab: its run is the next run, and the lab is verified after the last interruption.
    const continues =
      onThisLab < count("per-lab") &&
      next?.operation === "up" &&
      moment.operation === "up" &&
      next.resource !== "start";
    const result = pending
      ? await (continues ? Promise.resolve({ said: "", problem: "" }) : recovered(project, moment.operation))
      : { said: "", problem: `ended before the interruption: ${lastLines(stderr)}` };
    if (result.problem) bad += 1;
    const when = `${moment.resource} +${moment.afterMs / 1000} s`;
    const verdict = result.problem || (continues ? "see the next point" : "ok");
    const took = Math.round((performance.now() - begin) / 1000);
    const number = count("from") + index;
    print(
      `| ${[number, moment.operation, when, victim, pending?.join(", ") || "-", result.said || "-", verdict, took].join(" | ")} |`,
    );
    const over = !continues && (moment.operation === "destroy" || onThisLab >= count("per-lab") || result.problem);
    if (over && (moment.operation === "up" || result.problem)) await remove(project);
    if (over) onThisLab = 0;
  }
  await remove(project);
  project.remove();
  return bad;
}

interface Recovery {
  /** Messages of the next run about the interruption. */
  said: string;
  /** The problem; empty if the lab recovered. */
  problem: string;
}

/** Runs the command once more, without any other repair. Then the lab must work, or be removed completely. */
async function recovered(project: Project, operation: Moment["operation"]): Promise<Recovery> {
  const args = operation === "up" ? ["up", "--yes", "--no-verify"] : ["destroy", "--yes"];
  const { code, stderr, stdout } = await project.lab(args, 1_200_000);
  const said = [...stderr.matchAll(/^ {2}((?:A run|A killed|Waiting|Helm release|An engine).*)$/gm)].map(
    ([, line]) => line,
  );
  const problems = code === 0 ? [] : [`exit ${code}: ${lastLines(`${stderr}\n${stdout}`)}`];
  problems.push(...(operation === "up" ? await labProblems(project) : await destroyProblems()));
  return { said: said.join("; "), problem: problems.join("; ") };
}

async function labProblems(project: Project): Promise<string[]> {
  const preview = await project.pulumi(["preview", "--expect-no-changes"]);
  const { url } = await project.outputs().catch(() => ({ url: undefined }));
  const status = ["-s", "-o", "/dev/null", "-m", "20", "-w", "%{http_code}"];
  const answer = await exec("curl", [...status, "-H", "Host: appb.opssec.in", `${String(url)}/get`]);
  return [
    ...(preview.code === 0 ? [] : [`preview: ${lastLines(preview.stdout + preview.stderr)}`]),
    ...(answer.stdout === "200" ? [] : [`the gateway answered ${answer.stdout}`]),
  ];
}

async function destroyProblems(): Promise<string[]> {
  const { nodes, networks } = await left();
  return [...(nodes ? ["nodes are left"] : []), ...(networks ? ["the network is left"] : [])];
}

const cluster = `ambient-lab-${stack}`;

async function left() {
  const nodes = await listNodes(exec, "{{.ID}}", cluster);
  const networks = await exec("docker", ["network", "ls", "-q", "--filter", `name=^${cluster}$`]);
  return { nodes: nodes.stdout, networks: networks.stdout };
}

/** Removes the lab with everything that an interruption left. */
async function remove(project: Project): Promise<void> {
  await project.lab(["destroy", "--yes"]);
  await removeFromDocker(stack);
}

async function good(project: Project, args: string[]): Promise<void> {
  const { code, stderr } = await project.lab(args);
  if (code !== 0) throw new Error(`"lab ${args.join(" ")}" failed: ${lastLines(stderr)}`);
}

/** Writes the settings of the stack, unless they exist: the settings of a lab that was not destroyed have its encryption salt. */
function configure(project: Project): void {
  const file = join(project.dir, `Pulumi.${stack}.yaml`);
  if (existsSync(file)) return;
  const config = {
    nodeImage: process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig",
    appImage: "docker.io/ambient-lab/rig-httpbin:2",
    ...artifactsAtHand(),
    addons: [],
  };
  const own = Object.entries(config).map(([key, value]) => [`ambient-lab:${key}`, value]);
  writeFileSync(file, stringify({ config: Object.fromEntries(own) }));
}

function runOf({ dir, home }: Project, operation: Moment["operation"]): Run {
  const state = join(dirname(dir), "state");
  const env = {
    AMBIENT_LAB_HOME: home,
    PULUMI_BACKEND_URL: `file://${state}`,
    PULUMI_CONFIG_PASSPHRASE: "",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const options = operation === "up" ? ["--yes", "--no-verify"] : ["--yes"];
  return { dir, state, stack, env, args: [operation, ...options, "--stack", stack] };
}

const lastLines = (text: string) => text.trim().split("\n").slice(-6).join(" / ").replaceAll("|", "\\|");
const print = (line: string) => process.stdout.write(`${line}\n`);

void main().then((bad) => {
  process.exitCode = bad === 0 ? 0 : 1;
});
