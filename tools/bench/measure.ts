import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { engineEnvironment } from "../../cli/engine/environment";
import { changeConfig, readConfig, settingsFile } from "../../cli/stack/settings";
import { childSignal } from "../../cli/terminal/abort";
import type { Io } from "../../cli/terminal/io";
import { seconds } from "../../cli/terminal/progress";
import { clusterState } from "../../host/cluster-state";
import { LabError, UsageError } from "../../host/errors";
import { type ExecOptions, run as mustRun } from "../../host/exec";
import { clusterName, labBin, labHome, stackDir } from "../../host/paths";
import { shellWord } from "../../host/shell";
import { writeEmptyProgram } from "./empty-program";
import { type BenchRun, judge, load, type Measure, type Samples, type Series, targets, thisMachine } from "./result";
import { certsFolder, type ScriptPlace, scriptKubeconfig, scriptOf } from "./script";

const home = () => join(labHome(), "bench");

/** File of the history: one run per line. */
export const historyFile = (): string => join(home(), "history.jsonl");

/** Timeout of one command, for a lab whose nodes pull their images over a slow connection. */
const timeoutMs = 45 * 60_000;

const stateSchema = z.object({
  deployment: z.object({
    resources: z.array(
      z.object({
        ...{ urn: z.string(), type: z.string(), dependencies: z.array(z.string()).optional() },
        ...{ inputs: z.record(z.string(), z.unknown()).optional() },
        ...{ outputs: z.record(z.string(), z.unknown()).optional() },
      }),
    ),
  }),
});

/** Options of {@link measure}. */
export interface MeasureOptions {
  /** Stack of the lab that is created and destroyed. */
  stack: string;
  only: readonly Measure[];
  /** Repetitions on each lab, except of `up` and `destroy`. */
  rounds: number;
  /** Number of labs, one after another. */
  labs: number;
  /** `key=value` pairs of the lab's configuration. */
  config: readonly string[];
}

type BenchIo = Pick<Io, "exec" | "stderr" | "signal" | "env" | "root">;

/**
 * Timed runs of a benchmark in order. Lab and baseline alternate in every round, so that other load on the machine affects
 * both. Every lab is created and destroyed, whatever is measured. The script runs after the lab was destroyed, because a laptop
 * may not have memory for two labs.
 */
export function planOf({ only, rounds, labs }: Pick<MeasureOptions, "only" | "rounds" | "labs">): Series[] {
  const asked = targets.filter((target) => only.includes(target.measure));
  const needed = new Set(asked.flatMap(({ measure, baseline }) => [measure, baseline]));
  const order: readonly Series[] = ["preview", "empty-preview", "empty-up", "again", "flip"];
  const round = order.filter((each) => needed.has(each));
  const script: Series[] = needsScript(only) ? ["script", "kind-delete"] : [];
  const lab: Series[] = ["up", ...Array.from({ length: rounds }, () => round).flat(), "destroy", ...script];
  return Array.from({ length: labs }, () => lab).flat();
}

const needsScript = (only: MeasureOptions["only"]) => only.includes("up") || only.includes("destroy");

/**
 * Creates the benchmark's labs, measures them and removes them.
 * @throws LabError when a lab of that name exists (exit code 2), when another benchmark runs, or when a command fails; the abort
 * reason after an interrupt
 */
export async function measure(options: MeasureOptions, io: BenchIo): Promise<BenchRun> {
  const bench = new Workbench(options.stack, io);
  if (needsScript(options.only))
    await bench.command("helm", ["version"], "https://helm.sh/docs/intro/install   (or --only preview flip)");
  await bench.claim();
  const result = await run(bench, options).catch(async (error: unknown) => {
    // The first error is the cause. The removal of the lab may fail as a consequence.
    await bench.clear().catch(({ message }: Error) => io.stderr.write(`The lab was not removed: ${message}\n`));
    throw error;
  });
  await bench.clear();
  return result;
}

async function run(bench: Workbench, options: MeasureOptions): Promise<BenchRun> {
  const { io, place, stack } = bench;
  const { only, rounds, labs, config } = options;
  await bench.prepare(config);
  const before = load();
  const samples = await timed(bench, planOf(options), needsScript(only));
  const version = async (file: string, ...args: string[]) => (await io.exec(file, args, place)).stdout.trim();
  const versions = {
    ...{ node: process.version, istio: readConfig(io.root, stack).istioVersion },
    ...{ pulumi: await version("pulumi", "version"), kind: await version("kind", "version") },
    checkout: await version("git", "describe", "--always", "--dirty"),
  };
  return {
    ...{ schema: "ambient-lab.bench/v2", at: new Date().toISOString(), machine: thisMachine(), versions },
    ...{ load: { before, after: load() }, config, rounds, labs, samples, rows: judge(samples) },
  };
}

/** Runs the plan with tinybench, which does not time the hooks. */
async function timed(bench: Workbench, plan: readonly Series[], script: boolean): Promise<Samples> {
  const { Bench } = await import("tinybench");
  const measurement = new Bench({ iterations: 1, time: 0, warmup: false, throws: true });
  const update = ["up", "--yes", "--skip-preview"];
  const work: Record<Series, { run: () => Promise<unknown>; before?: () => unknown; after?: () => unknown }> = {
    up: { run: () => bench.pulumi(update) },
    again: { run: () => bench.pulumi([...update, "--expect-no-changes"]) },
    flip: { before: () => bench.changePolicy(), run: async () => requireUpdate(await bench.pulumi(update)) },
    preview: { run: () => bench.pulumi(["preview", "--expect-no-changes"]) },
    destroy: {
      before: () => script && bench.writeScript(),
      run: () => bench.pulumi(["destroy", "--yes", "--skip-preview"]),
    },
    "empty-up": { run: () => bench.pulumi(update, bench.empty) },
    "empty-preview": { run: () => bench.pulumi(["preview"], bench.empty) },
    script: { run: () => bench.command("sh", [bench.script]) },
    "kind-delete": { run: () => bench.deleteScriptCluster(), after: () => bench.removeScriptNetwork() },
  };
  for (const [index, series] of plan.entries()) {
    const { run, before, after } = work[series];
    measurement.add(`${index + 1}/${plan.length} ${series}`, run, {
      async: true,
      beforeEach: async () => void (await before?.()),
      afterEach: async () => void (await after?.()),
    });
  }
  const samples: Partial<Record<Series, number[]>> = {};
  measurement.addEventListener("cycle", ({ task: { name, result } }) => {
    const series = plan[measurement.tasks.findIndex((task) => task.name === name)];
    if (!series || result.state !== "completed") return;
    samples[series] = [...(samples[series] ?? []), result.latency.mean];
    bench.io.stderr.write(`  ${name}  ${seconds(result.latency.mean)}\n`);
  });
  await measurement.run();
  return samples;
}

/** @throws LabError unless the engine's summary names an updated resource */
function requireUpdate(output: string): void {
  if (/^\s*~ \d+ updated/m.test(output)) return;
  throw new LabError({
    what: "The policy was changed in the configuration, and pulumi up updated no resource",
    why: "A change that does not reach the cluster cannot be timed",
    fix: "npm run lab -- verify authz-flip   (on a lab of yours)",
  });
}

/** The benchmark's own stack, folder, state and clusters. It shares nothing with other labs. */
class Workbench {
  readonly #folder: string;
  readonly #owner: string;
  readonly #signal: AbortSignal;
  readonly #scriptStack: string;
  readonly empty: string;
  readonly script: string;
  /** Working directory and variables of the commands. */
  readonly place: { cwd: string; env: Record<string, string> };

  constructor(
    readonly stack: string,
    readonly io: BenchIo,
  ) {
    this.#folder = join(home(), `work-${stack}`);
    this.#owner = join(this.#folder, "pid");
    this.#scriptStack = `${stack}-script`;
    this.empty = join(this.#folder, "empty");
    this.script = join(this.#folder, "script.sh");
    this.#signal = childSignal(io.signal);
    const PULUMI_BACKEND_URL = `file://${join(this.#folder, "state")}`;
    const own = { PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE: "", PULUMI_STACK: stack };
    this.place = { cwd: io.root, env: { ...engineEnvironment(io.env, [labBin()]), ...own } };
  }

  /** Runs a command that must succeed. @returns its stdout */
  async command(file: string, args: readonly string[], fix = "npm run bench", more: ExecOptions = {}): Promise<string> {
    const options = {
      ...this.place,
      timeoutMs,
      signal: this.#signal,
      why: "The benchmark needs the result",
      fix,
      ...more,
    };
    return mustRun(this.io.exec, file, args, options).finally(() => {
      if (options.signal === this.#signal) this.io.signal.throwIfAborted();
    });
  }

  /** Runs plain `pulumi`, on the lab or on the empty program. */
  pulumi(args: readonly string[], cwd = this.io.root): Promise<string> {
    const where = ["--cwd", cwd, "--stack", this.stack, "--non-interactive", "--color", "never"];
    return this.command("pulumi", [...args, ...where], "npm run up   (says more about a lab that does not come up)");
  }

  /**
   * Removes the leftovers of a killed benchmark, and records this process as the owner of the folder.
   * @throws LabError while another benchmark runs, and (exit code 2) for a lab of that name
   */
  async claim(): Promise<void> {
    const { stack, io } = this;
    if (existsSync(this.#owner)) {
      const pid = Number(readFileSync(this.#owner, "utf8"));
      if (isRunning(pid)) throw alreadyRuns(stack, pid, this.#owner);
      io.stderr.write("The lab of a benchmark that was killed is removed\n");
      await this.clear();
    }
    const clusters = [stack, this.#scriptStack];
    const states = await Promise.all(clusters.map((each) => clusterState(each, io.exec)));
    const found = [
      ...clusters.flatMap((each, index) => (states[index] === "absent" ? [] : [`cluster "${clusterName(each)}"`])),
      ...[settingsFile(io.root, stack), stackDir(stack)].filter((path) => existsSync(path)),
    ];
    if (found.length > 0) throw notFree(stack, found);
    mkdirSync(join(this.#folder, "state"), { recursive: true });
    writeFileSync(this.#owner, String(process.pid));
  }

  /** Creates the lab once by the lab's own command line, which installs tools, pulls images and chooses free ports. */
  async prepare(config: readonly string[]): Promise<void> {
    const pairs = config.length > 0 ? ["--config", ...config] : [];
    await this.#lab("up", ["--no-verify", ...pairs]);
    await this.pulumi(["destroy", "--yes", "--skip-preview"]);
    writeEmptyProgram(this.empty, this.io.root);
    const npm = ["install", "--prefix", this.empty, "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"];
    await this.command("npm", npm, "npm ci   (in the checkout: fills npm's cache)");
    const init = ["stack", "init", this.stack, "--cwd", this.empty, "--no-select", "--non-interactive"];
    await this.command("pulumi", init);
    await this.pulumi(["up", "--yes", "--skip-preview"], this.empty);
  }

  /** Runs a command of the lab's own command line. */
  async #lab(verb: "up" | "destroy", options: readonly string[] = [], more: ExecOptions = {}): Promise<void> {
    const args = [join(this.io.root, "cli/bootstrap.cjs"), verb, "--yes", "--quiet", "--stack", this.stack, ...options];
    await this.command(process.execPath, args, `npm run ${verb} -- --stack ${this.stack}   (says more)`, more);
  }

  /** Removes appa from `allowedCallers` in the stack's configuration, or adds it again. */
  changePolicy(): void {
    const { allowedCallers } = readConfig(this.io.root, this.stack);
    const others = allowedCallers.filter((caller) => caller !== "appa");
    const changed = others.length < allowedCallers.length ? others : ["appa", ...others];
    changeConfig(this.io.root, this.stack, [`allowedCallers=[${changed.join(", ")}]`]);
  }

  /** Writes the script that installs the parts of the running lab. */
  async writeScript(): Promise<void> {
    const exported = await this.command("pulumi", ["stack", "export", "--stack", this.stack]);
    const { resources } = stateSchema.parse(JSON.parse(exported)).deployment;
    const lab = clusterName(this.stack);
    const image = ["inspect", "--format", "{{.Config.Image}}", `${lab}-control-plane`];
    const nodeImage = (await this.command("docker", image)).trim();
    const certs = certsFolder(resources);
    // The lab's own folder is deleted with the lab.
    if (existsSync(certs)) cpSync(certs, join(this.#folder, "certs.d"), { recursive: true });
    writeFileSync(this.script, scriptOf(resources, { ...this.#scriptPlace(), lab, nodeImage }));
  }

  /** Deletes the script's cluster; does nothing when there is none. */
  deleteScriptCluster(more?: ExecOptions): Promise<string> {
    const { cluster, folder } = this.#scriptPlace();
    const args = ["delete", "cluster", "--name", cluster, "--kubeconfig", scriptKubeconfig({ folder })];
    return this.command("kind", args, `kind delete cluster --name ${cluster}`, more);
  }

  /** Removes the script's Docker network, if there is one. */
  removeScriptNetwork(): Promise<unknown> {
    return this.io.exec("docker", ["network", "rm", this.#scriptPlace().cluster]);
  }

  /** Removes labs, clusters and files of the benchmark in any state. */
  async clear(): Promise<void> {
    const { io, stack } = this;
    // Also after an interrupt.
    const more = { signal: new AbortController().signal };
    if ([settingsFile(io.root, stack), stackDir(stack)].some((path) => existsSync(path)))
      await this.#lab("destroy", [], more);
    await this.deleteScriptCluster(more);
    await this.removeScriptNetwork();
    await rm(settingsFile(io.root, stack), { force: true });
    await rm(this.#folder, { recursive: true, force: true });
  }

  #scriptPlace(): Pick<ScriptPlace, "cluster" | "folder"> {
    return { cluster: clusterName(this.#scriptStack), folder: this.#folder };
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return Reflect.get(Object(error), "code") === "EPERM";
  }
}

const alreadyRuns = (stack: string, pid: number, file: string) =>
  new LabError({
    what: `A benchmark of stack "${stack}" runs already (process ${pid})`,
    why: "Two benchmarks at once would measure each other",
    fix: `kill ${pid}   (or, when that is another program: rm ${shellWord(file)})`,
  });

const notFree = (stack: string, found: readonly string[]) =>
  new UsageError({
    what: `A lab "${stack}" exists already: ${found.join(", ")}`,
    why: "The benchmark creates and destroys its own lab, and changes no other",
    fix: "npm run bench -- --stack NAME   (a name that no lab has)",
  });
