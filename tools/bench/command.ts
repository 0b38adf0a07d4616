import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type CommandContext, examples, json, jsonText } from "../../cli/commands/common";
import { resolveStack } from "../../cli/stack/stack-name";
import { Progress } from "../../cli/terminal/progress";
import { ExitCode } from "../../host/errors";
import { type BenchRun, benchHome, historyFile, keepRun, pastRuns, thisMachine } from "./history";
import { live, type Seen } from "./life";
import { planOf } from "./plan";
import { bringAll } from "./prepare";
import { type Bench, setUp } from "./setup";
import { judge } from "./targets";
import { benchText } from "./text";
import { type Measure, measures } from "./types";
import { clearWorkshop, requireFree, workshopOf } from "./workshop";

interface BenchOptions {
  stack: string;
  quiet?: boolean;
  verbose?: boolean;
  json?: boolean;
  check?: boolean;
  only: Measure[];
  rounds: number;
  labs: number;
  config: string[];
}

/** `bench`: how long the lab takes, beside the least that it could. */
export function registerBench(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("bench")
    .description("measure a lab of its own beside the least it could take, and remove it");
  examples(
    json(command)
      .option("-s, --stack <name>", "name of the lab that is made and destroyed; no other is touched", "bench")
      .option("-q, --quiet", "print the result and problems only")
      .option("--verbose", "show the whole story of an error")
      .addOption(new Option("--only <measures...>", "measure these alone").choices(measures).default([...measures]))
      .option("--rounds <n>", "how often what takes seconds is repeated on a lab; the median counts", count, 3)
      .option("--labs <n>", "how many labs are made, one after the other", count, 1)
      .option("-c, --config <key=value...>", "keys of the lab's configuration", [])
      .option("--check", "exit code 1 when a target is missed"),
    "npm run bench                                # a quarter of an hour",
    "npm run bench -- --only preview flip --rounds 5",
    "npm run bench -- --config 'addons=[]' --check --json",
  );
  command.action(async (options: BenchOptions) => {
    const stack = resolveStack(options.stack, io);
    const progress = new Progress(io);
    const workshop = workshopOf(stack);
    const hands = { exec: io.exec, say: (line: string) => progress.line(`  ${line}`) };
    await requireFree(workshop, hands);
    try {
      const bench = await progress.phase("Tools", () => setUp(workshop, { io, progress, pairs: options.config }));
      await progress.phase("Downloads", () => bringAll(bench));
      const before = loadavg()[0] ?? 0;
      const seen = await live(bench, planOf(options));
      const run = await runOf(bench, options, seen, before);
      keepRun(run);
      await drawn(run, progress);
      io.stdout.write(options.json ? jsonText(run) : benchText(run));
      if (options.check && run.rows.some(({ met }) => met === false)) end(ExitCode.fail);
    } finally {
      await clearWorkshop(workshop, hands);
    }
  });
}

async function runOf(bench: Bench, options: BenchOptions, seen: Seen, before: number): Promise<BenchRun> {
  const { io, env } = bench;
  const said = async (file: string, ...args: string[]) => {
    const { code, stdout } = await io.exec(file, args, { env, cwd: io.root });
    return code === 0 ? stdout.trim() : undefined;
  };
  const revision = await said("git", "describe", "--always", "--dirty");
  return {
    schema: "ambient-lab.bench/v1",
    at: new Date().toISOString(),
    machine: thisMachine(),
    load: { before, after: loadavg()[0] ?? 0 },
    versions: {
      istio: bench.config.istioVersion,
      node: process.version,
      pulumi: (await said(bench.pulumi, "version")) ?? "",
      kind: (await said("kind", "version")) ?? "",
    },
    ...(revision ? { commit: revision } : {}),
    config: options.config,
    rounds: options.rounds,
    labs: options.labs,
    ...seen,
    rows: judge(seen.samples, seen.memory, bench.config.resources),
  };
}

async function drawn(run: BenchRun, progress: Progress): Promise<void> {
  const { historyPlot, upPlot } = await import("./plots.js");
  const plots = { "history.svg": await historyPlot(pastRuns(run.machine.id)), "up.svg": await upPlot(run) };
  for (const [name, text] of Object.entries(plots)) writeFileSync(join(benchHome(), name), text);
  progress.line(`${historyFile()}, ${Object.keys(plots).join(", ")}`);
}

function count(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 100) return number;
  throw new InvalidArgumentError("It is a whole number from 1 to 100.");
}
