import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { exec } from "../../host/exec";
import { changeable } from "../../verify/restore/change";
import { seededRandom } from "../support/random";

/**
 * Interrupts runs of `verify` that change a running lab, and verifies that the lab is restored. A run that can react restores the lab before it
 * ends; after SIGKILL, the next run restores it. Run it in the checkout of the lab, with its environment:
 *   node --require @swc-node/register test/e2e/interrupt-verify.ts --stack NAME [--runs N] [--seed N] [--only EXPERIMENT,...]
 */
const { values } = parseArgs({
  options: {
    stack: { type: "string" },
    runs: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "authz-flip" },
  },
});
const { stack = "dev" } = values;
const experiments = values.only.split(",");

/** Ways to end a run: a signal, or closing its output, as in `2>&1 | head`. */
const ways = ["SIGKILL", "SIGINT", "SIGTERM", "SIGHUP", "broken pipe"] as const;
type Way = (typeof ways)[number];

/** Fields of an object that every write changes. */
const volatile = ["resourceVersion", "generation", "managedFields"];

/** The objects that experiments may change, without {@link volatile} fields. */
async function snapshot(): Promise<string> {
  const names = changeable.map((object) => {
    const [kind = "", name = ""] = object.split("/");
    return `${kind.toLowerCase()}/${name}`;
  });
  const node = `ambient-lab-${stack}-control-plane`;
  const kubectl = ["exec", node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"];
  const { stdout, stderr } = await exec("docker", [
    ...kubectl,
    ...["get", ...names, "--namespace", "default", "--ignore-not-found", "--output", "json"],
  ]);
  if (!stdout) throw new Error(`The lab cannot be read: ${stderr}`);
  const { items } = JSON.parse(stdout) as { items: { metadata: Record<string, unknown>; status?: unknown }[] };
  return JSON.stringify(
    items.map(({ status: _status, ...object }) => {
      for (const field of volatile) delete object.metadata[field];
      return object;
    }),
  );
}

function start(only: readonly string[]): ChildProcess {
  return spawn(process.execPath, ["cli/bootstrap.cjs", "verify", ...only, "--stack", stack], {
    ...{ detached: true, stdio: ["ignore", "pipe", "pipe"] },
  });
}

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Ends a run after some time. @returns how the run ended, and whether its output shows a stack trace */
async function interrupted(way: Way, afterMs: number): Promise<{ ending: string; trace: boolean }> {
  const child = start(experiments);
  const exit = once(child, "exit");
  let said = "";
  child.stdout?.on("data", (chunk) => {
    said += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  await Promise.race([sleep(afterMs), exit]);
  if (!ended(child)) {
    if (way === "broken pipe") {
      child.stdout?.destroy();
      child.stderr?.destroy();
    } else child.kill(way);
  }
  await exit;
  return { ending: child.signalCode ?? `exit ${child.exitCode}`, trace: /^\s+at .+:\d+:\d+\)?$/m.test(said) };
}

/** @returns the number of runs that left a change or printed a stack trace */
async function main(): Promise<number> {
  const before = await snapshot();
  const began = performance.now();
  const whole = start(experiments);
  whole.stdout?.resume();
  whole.stderr?.resume();
  await once(whole, "exit");
  const durationMs = performance.now() - began;
  const draw = seededRandom(Number(values.seed));
  let bad = 0;
  let changed = 0;
  print(`A whole run takes ${Math.round(durationMs / 1000)} s and ends with ${whole.exitCode}.`);
  print("| # | ended by | after s | ending | changed at the end | after the next run |");
  print("|---|---|---|---|---|---|");
  for (let run = 1; run <= Number(values.runs); run += 1) {
    const way = ways[run % ways.length] ?? "SIGKILL";
    const afterMs = Math.round(durationMs * draw());
    const { ending, trace } = await interrupted(way, afterMs);
    const left = (await snapshot()) !== before;
    if (left) changed += 1;
    let stillChanged = left;
    if (left && way === "SIGKILL") {
      const next = start(["nodes"]);
      next.stdout?.resume();
      next.stderr?.resume();
      await once(next, "exit");
      stillChanged = (await snapshot()) !== before;
    }
    const problem = stillChanged || trace;
    if (problem) bad += 1;
    const after = left ? (stillChanged ? "CHANGED" : "restored") : "-";
    print(
      `| ${run} | ${way} | ${(afterMs / 1000).toFixed(1)} | ${ending}${trace ? ", STACK TRACE" : ""} | ${left ? "yes" : "no"} | ${after} |`,
    );
    if (stillChanged) break;
  }
  print(`${values.runs} runs, ${changed} killed while the lab was changed, ${bad} bad`);
  return bad;
}

const print = (line: string) => process.stdout.write(`${line}\n`);

void main().then((bad) => {
  process.exitCode = bad === 0 ? 0 : 1;
});
