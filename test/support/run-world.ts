import type { VerifyReport } from "../../verify";
import { type Clock, eventually, realClock } from "../../verify/eventually";
import type { LiveLab } from "./live-lab";
import type { LiveWorld } from "./worlds";

/** The results of the verifier for a broken lab, and for the same lab after the undo. */
export interface WorldOutcome {
  world: string;
  /** Verdicts of all runs in the broken lab, none of which may be a pass. */
  verdicts: readonly VerifyReport["verdict"][];
  /** The experiments that must detect the break, each as "verdict layer". */
  detectedBy: Readonly<Record<string, string>>;
  /** The causes in the report. */
  causes: string;
  /** "pass", or the remaining problem. */
  restored: string;
  /** The result as a line of the table. */
  line: string;
}

/** A broken lab does not converge, so these deadlines are shorter than those of a lab that starts. */
const timings = { convergeMs: 6_000, telemetryMs: 12_000 };
/**
 * Deadlines for a break to reach the proxies, and for a restored lab to pass. A connection that the gateway keeps open to
 * the waypoint uses the old configuration until Envoy has drained it, by default after 45 seconds (drainDuration).
 */
const deadlinesMs = { broken: 120_000, restored: 150_000 };

/** Breaks the lab, verifies until the expected verdicts, undoes the break, and verifies until the lab passes. */
export async function runWorld(lab: LiveLab, world: LiveWorld, clock: Clock = realClock): Promise<WorldOutcome> {
  const only = Object.keys(world.detectedBy);
  const verdicts: VerifyReport["verdict"][] = [];
  let last: VerifyReport | undefined;
  const undo = await world.breaks(lab);
  try {
    const { facts, options } = world.seen?.(lab) ?? {};
    const look = async (signal: AbortSignal) => {
      const report = await lab.verify({ only, timings, signal, ...options }, facts);
      // A run after the deadline may have seen the lab while it was restored.
      signal.throwIfAborted();
      last = report;
      verdicts.push(report.verdict);
      const found = summaryOf(report);
      if (only.some((id) => found[id] !== world.detectedBy[id])) throw new Error(JSON.stringify(found));
    };
    await untilTime(look, deadlinesMs.broken, clock);
  } finally {
    await undo();
  }
  let restored = "not verified";
  // One experiment is enough here: the whole lab is verified at the end.
  const [recheck = ""] = world.recheck ? [world.recheck] : only;
  const well = async (signal: AbortSignal) => {
    const report = await lab.verify({ only: [recheck], signal });
    signal.throwIfAborted();
    restored = report.verdict === "pass" ? "pass" : `${report.verdict}: ${causesOf(report)}`;
    if (restored !== "pass") throw new Error(restored);
  };
  await untilTime(well, deadlinesMs.restored, clock);
  const detectedBy = last ? summaryOf(last) : {};
  const causes = last ? causesOf(last) : "";
  return {
    world: world.name,
    verdicts,
    detectedBy,
    causes,
    restored,
    line: lineOf(world, detectedBy, causes, restored),
  };
}

/** Repeats an attempt until it succeeds or until the deadline. The caller judges the result. */
async function untilTime(
  attempt: (signal: AbortSignal) => Promise<void>,
  deadlineMs: number,
  clock: Clock,
): Promise<void> {
  const { signal } = new AbortController();
  await eventually(attempt, { what: "the verdict", deadlineMs, intervalMs: 1_000, signal, clock }).catch(
    () => undefined,
  );
}

const summaryOf = ({ results }: VerifyReport): Record<string, string> =>
  Object.fromEntries(results.map(({ id, verdict, layer }) => [id, layer ? `${verdict} ${layer}` : verdict]));

/** Drift and health problems; without them, the first finding that is not a pass. */
function causesOf({ drift, health, results }: VerifyReport): string {
  const causes = [...health, ...drift].map(({ what }) => what);
  if (causes.length > 0) return causes.join("; ");
  const bad = results.flatMap(({ findings }) => findings.filter(({ verdict }) => verdict !== "pass"));
  return bad[0]?.seen ?? "";
}

function lineOf({ name }: LiveWorld, detectedBy: WorldOutcome["detectedBy"], causes: string, restored: string): string {
  const words = Object.entries(detectedBy).map(([id, text]) => `${id} ${text.replace(/ (\S+)$/, " ($1)")}`);
  return `${name} → ${words.join(", ")}: ${causes.slice(0, 160)} · restored: ${restored}`;
}
