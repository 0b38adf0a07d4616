import type { VerifyReport } from "../../verify";
import { type Clock, eventually, realClock } from "../../verify/eventually";
import type { LiveLab } from "./live-lab";
import type { LiveWorld } from "./worlds";

/** What the verifier made of a broken world, and of the same lab once it was restored. */
export interface WorldOutcome {
  world: string;
  /** Verdicts of all runs in the broken world: none of them may be a pass. */
  verdicts: readonly VerifyReport["verdict"][];
  /** The experiments that must notice, each as "verdict layer". */
  detectedBy: Readonly<Record<string, string>>;
  /** Why, in the verifier's words. */
  causes: string;
  /** "pass", or what was wrong still. */
  restored: string;
  /** The world as a line of the table. */
  line: string;
}

/** A break that converges to nothing good need not be watched for as long as a lab that starts. */
const timings = { convergeMs: 6_000, telemetryMs: 12_000 };
/**
 * For a change to reach the proxies, and for a restored lab to be well again. A connection that the gateway keeps open to
 * the waypoint serves the old configuration until Envoy has drained it: Istio gives it 45 seconds (drainDuration).
 */
const patienceMs = { broken: 120_000, restored: 150_000 };

/** Breaks the lab, verifies until the expected verdict is there, heals, and verifies until it passes. */
export async function runWorld(lab: LiveLab, world: LiveWorld, clock: Clock = realClock): Promise<WorldOutcome> {
  const only = Object.keys(world.detectedBy);
  const verdicts: VerifyReport["verdict"][] = [];
  let last: VerifyReport | undefined;
  const undo = await world.breaks(lab);
  try {
    const { facts, options } = world.seen?.(lab) ?? {};
    const look = async (signal: AbortSignal) => {
      const report = await lab.verify({ only, timings, signal, ...options }, facts);
      // A run that outlived its time saw the lab being restored.
      signal.throwIfAborted();
      last = report;
      verdicts.push(report.verdict);
      const found = summaryOf(report);
      if (only.some((id) => found[id] !== world.detectedBy[id])) throw new Error(JSON.stringify(found));
    };
    await untilTime(look, patienceMs.broken, clock);
  } finally {
    await undo();
  }
  let restored = "not verified";
  // One recheck is enough here: the whole lab is verified once all worlds are through.
  const [recheck = ""] = world.recheck ? [world.recheck] : only;
  const well = async (signal: AbortSignal) => {
    const report = await lab.verify({ only: [recheck], signal });
    signal.throwIfAborted();
    restored = report.verdict === "pass" ? "pass" : `${report.verdict}: ${causesOf(report)}`;
    if (restored !== "pass") throw new Error(restored);
  };
  await untilTime(well, patienceMs.restored, clock);
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

/** Tries until it succeeds or time is up; what came of it is judged by the caller. */
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

/** Drift and ill health, or what the experiments saw when there is neither. */
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
