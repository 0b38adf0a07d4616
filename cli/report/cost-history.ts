import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { labHome } from "../../host/paths";
import { isOfKind, keptHttp } from "../../verify/cost/load";
import { type Cost, costSchema } from "../../verify/cost/schema";
import type { VerifyReport } from "../../verify/report/schema";

const pastSchema = z.object({
  measuredAt: z.string(),
  stack: z.string(),
  istio: z.string(),
  machine: costSchema.shape.machine,
  latency: costSchema.shape.latency,
});

/** A measurement of the cost of the mesh, as it is kept for comparison. */
export type PastCost = z.infer<typeof pastSchema>;

/** Measurements of this machine, a JSON object a line. They outlive stacks and their evidence. */
const historyFile = (): string => join(labHome(), "cost.jsonl");

/** Keeps the measurement of a run, if it has one that passed. */
export function recordCost({ results, startedAt, stack, versions }: VerifyReport): void {
  const measured = results.flatMap(({ findings }) => findings).find(({ cost, verdict }) => cost && verdict === "pass");
  if (!measured?.cost) return;
  const { machine, latency } = measured.cost;
  const entry: PastCost = { measuredAt: startedAt, stack, istio: versions.istio ?? "", machine, latency };
  mkdirSync(dirname(historyFile()), { recursive: true });
  appendFileSync(historyFile(), `${JSON.stringify(entry)}\n`, { mode: 0o600 });
}

/** The latest measurements before a moment on a machine of the same CPUs and memory, the newest first. Unreadable lines are left out. */
export function pastCosts({ machine }: Pick<Cost, "machine">, before: string, most = 10): PastCost[] {
  if (!existsSync(historyFile())) return [];
  return readFileSync(historyFile(), "utf8")
    .split("\n")
    .flatMap((line) => pastOf(line) ?? [])
    .filter((past) => past.measuredAt < before)
    .filter((past) => past.machine.cpus === machine.cpus && past.machine.memoryBytes === machine.memoryBytes)
    .slice(-most)
    .reverse();
}

function pastOf(line: string): PastCost | undefined {
  try {
    return pastSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** What each path added to the median then, and whether that lies within the interval of a measurement of now. */
export const comparedWith = (now: Cost, then: PastCost): { path: string; text: string; within: boolean }[] =>
  (["ztunnel", "waypoint", "sidecar"] as const).map((path) => {
    const added = ({ latency }: Pick<PastCost, "latency">) =>
      latency.find((each) => each.path === path && isOfKind(each, keptHttp))?.added?.p50;
    const [interval, past] = [added(now), added(then)];
    if (!interval || !past) return { path, text: "", within: false };
    const within = past.median >= interval.low && past.median <= interval.high;
    return { path, text: `${past.median.toFixed(2)}${within ? "" : " other"}`, within };
  });
