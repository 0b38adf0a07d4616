import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { exec } from "../../host/exec";
import { interrupt, type KillTarget, type Moment, type Run } from "../support/interruption";
import { removeFromDocker } from "../support/leftovers";
import { type Project, projectCopy } from "../support/pulumi-project";
import { artifactsAtHand } from "../support/skip";

/**
 * Ends a lab's runs in the middle, and shows that the next one goes on from there:
 *   node --require @swc-node/register test/e2e/interrupt.ts [--points N] [--from N] [--to N] [--per-lab N] [--stack NAME]
 * `--per-lab`: points on one lab, one run after the other, before it must be whole and is removed.
 */
const at = (resource: string, victim: KillTarget, afterMs = 500): [Moment, KillTarget] => [
  { operation: "up", resource, afterMs },
  victim,
];
const gone = (resource: string, victim: KillTarget, afterMs = 500): [Moment, KillTarget] => [
  { operation: "destroy", resource, afterMs },
  victim,
];

/** In the order of a lab's life, so that several fit on one lab; a destroy ends it. */
const points: readonly [Moment, KillTarget][] = [
  at("cluster-kind", "kill engine", 3000),
  at("images-load-mesh", "kill program", 2000),
  at("istiod", "kill group", 1500),
  at("ingress-rollout", "kill engine", 200),
  gone("cluster-kind", "kill engine", 300),
  at("cluster-kind", "kill cli", 8000),
  at("metallb", "INT cli", 2000),
  at("istio-cni", "kill engine", 1000),
  at("policies-appb-l7", "kill group", 0),
  gone("cluster-kind", "kill group", 2000),
  at("start", "kill group", 3000),
  at("cluster-kind", "INT group", 12_000),
  at("gateway-api", "kill cli", 500),
  at("waypoint-gateway", "kill program", 500),
  gone("cluster-kind", "INT cli", 300),
  at("cluster-network", "kill engine", 0),
  at("cluster-kind", "kill group", 15_000),
  at("istio-base", "kill engine", 300),
  at("appa", "kill group", 300),
  gone("cluster-network-removal", "kill cli", 0),
  at("images-load-mesh", "INT cli", 1000),
  at("ztunnel", "kill engine", 1500),
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

/** @returns how many points did not come to a good end */
async function main(): Promise<number> {
  const project = await projectCopy(stack);
  const chosen = points.slice(count("from") - 1, count("to")).slice(0, count("points"));
  let bad = 0;
  let onThisLab = 0;
  print("| # | run | moment | ended | the engine was doing | what the next run did | result | s |");
  print("|---|---|---|---|---|---|---|---|");
  for (const [index, [moment, victim]] of chosen.entries()) {
    const begin = performance.now();
    configure(project);
    if (moment.operation === "destroy" && onThisLab === 0) await good(project, ["up", "--yes", "--no-verify"]);
    onThisLab += 1;
    const { doing, stderr } = await interrupt(runOf(project, moment.operation), moment, victim);
    const next = chosen[index + 1]?.[0];
    // A point of the same life: its run is the next one, and the lab must be whole after the last of them.
    const goesOn =
      onThisLab < count("per-lab") &&
      next?.operation === "up" &&
      moment.operation === "up" &&
      next.resource !== "start";
    const result = doing
      ? await (goesOn ? Promise.resolve({ said: "", problem: "" }) : recovered(project, moment.operation))
      : { said: "", problem: `ended by itself before: ${lastLines(stderr)}` };
    if (result.problem) bad += 1;
    const when = `${moment.resource} +${moment.afterMs / 1000} s`;
    const verdict = result.problem || (goesOn ? "see the next point" : "ok");
    const took = Math.round((performance.now() - begin) / 1000);
    const number = count("from") + index;
    print(
      `| ${[number, moment.operation, when, victim, doing?.join(", ") || "-", result.said || "-", verdict, took].join(" | ")} |`,
    );
    const over = !goesOn && (moment.operation === "destroy" || onThisLab >= count("per-lab") || result.problem);
    if (over && (moment.operation === "up" || result.problem)) await remove(project);
    if (over) onThisLab = 0;
  }
  await remove(project);
  project.remove();
  return bad;
}

interface Recovery {
  /** What the run after the interruption said of it. */
  said: string;
  /** What was wrong; empty when all is well. */
  problem: string;
}

/** One more command, without a hand on anything; then the lab must be whole, or gone without a trace. */
async function recovered(project: Project, operation: Moment["operation"]): Promise<Recovery> {
  const args = operation === "up" ? ["up", "--yes", "--no-verify"] : ["destroy", "--yes"];
  const { code, stderr, stdout } = await project.lab(args, 1_200_000);
  const said = [...stderr.matchAll(/^ {2}((?:A run|A killed|Waiting|Helm release|An engine).*)$/gm)].map(
    ([, line]) => line,
  );
  const problems = code === 0 ? [] : [`exit ${code}: ${lastLines(`${stderr}\n${stdout}`)}`];
  problems.push(...(operation === "up" ? await notWhole(project) : await notGone()));
  return { said: said.join("; "), problem: problems.join("; ") };
}

async function notWhole(project: Project): Promise<string[]> {
  const preview = await project.pulumi(["preview", "--expect-no-changes"]);
  const { url } = await project.outputs().catch(() => ({ url: undefined }));
  const status = ["-s", "-o", "/dev/null", "-m", "20", "-w", "%{http_code}"];
  const answer = await exec("curl", [...status, "-H", "Host: appb.opssec.in", `${String(url)}/get`]);
  return [
    ...(preview.code === 0 ? [] : [`preview: ${lastLines(preview.stdout + preview.stderr)}`]),
    ...(answer.stdout === "200" ? [] : [`the gateway answered ${answer.stdout}`]),
  ];
}

async function notGone(): Promise<string[]> {
  const { nodes, networks } = await left();
  return [...(nodes ? ["nodes are left"] : []), ...(networks ? ["the network is left"] : [])];
}

const cluster = `ambient-lab-${stack}`;

async function left() {
  const nodes = await exec("docker", ["ps", "-aq", "--filter", `label=io.x-k8s.kind.cluster=${cluster}`]);
  const networks = await exec("docker", ["network", "ls", "-q", "--filter", `name=^${cluster}$`]);
  return { nodes: nodes.stdout, networks: networks.stdout };
}

/** A new life for the next point, whatever the last one left. */
async function remove(project: Project): Promise<void> {
  await project.lab(["destroy", "--yes"]);
  await removeFromDocker(stack);
}

async function good(project: Project, args: string[]): Promise<void> {
  const { code, stderr } = await project.lab(args);
  if (code !== 0) throw new Error(`"lab ${args.join(" ")}" failed: ${lastLines(stderr)}`);
}

/** The settings of the stack; those of a lab that was not destroyed hold its encryption salt, and stay. */
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
