import { type Layer, ports } from "../../config/vocabulary";
import type { KillSpec } from "../../experiments/check-detail";
import { appbHost } from "../../experiments/names";
import { messageOf } from "../../host/errors";
import type { KillTarget } from "../../modules/chaos/objects";
import { numbers } from "../../modules/chaos/objects";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import { PreconditionError } from "../precondition-error";
import { Load, type LoadAnswer } from "../probe/load";
import { isSuccess, type LossSummary, steadySince, summarizeLosses } from "../probe/losses";
import { accessLines } from "../probe/records";
import type { Evidence, Finding } from "../report/schema";
import { type CheckRun, type Detail, failed, passed, skipped, unclear } from "./check";
import { type Kill, prepareKill } from "./kill";

const { perSecond, timeoutMs, calm } = numbers;
/** How long so many requests in a row take on a slow machine. */
const calmMs = (2_000 * calm) / perSecond;

const layerOf: Readonly<Record<KillTarget, Layer>> = {
  istiod: "istiod",
  ztunnel: "ztunnel",
  waypoint: "waypoint",
  node: "nodes",
};

/** Kills one after the other; where a lab does not come back there is nothing more to be learned. */
export const chaos: CheckRun<"chaos"> = async (context, detail) => {
  const findings: Finding[] = [];
  for (const strike of detail.kills) {
    findings.push(await struck(context, detail, strike));
    if (!["pass", "skipped"].includes(findings.at(-1)?.verdict ?? "")) break;
  }
  return findings;
};

async function struck(
  context: VerifyContext,
  { method, path }: Detail<"chaos">,
  { victim, bound }: KillSpec,
): Promise<Finding> {
  const layer = layerOf[victim];
  const name = `${victim} killed: at most ${bound.lost} lost, back within ${bound.backMs / 1000} s`;
  const from = await context.podFinder.one("loadgen", context.signal);
  const kill = await prepareKill(context, victim, from);
  if ("skip" in kill) return skipped(name, layer, kill.skip);
  // The load ends by itself when the run is killed.
  const most = perSecond * Math.ceil((numbers.downMs + bound.backMs) / 1000 + 120);
  const load = new Load(context, from, {
    ...{ method, url: `http://${appbHost}:${ports.service}${path}`, perSecond, timeoutMs, most },
  });
  const ran = await underLoad(context, load, kill, bound.backMs);
  const { answers, sent } = await load.result();
  const losses = summarizeLosses(answers, sent, ran.killedAt);
  const backMs = Math.max(losses.backMs, ran.backAt - ran.killedAt);
  const waypoint = await noticedBy(context, load.id);
  const seen = `${ran.late ?? ran.what}; ${sayLosses(losses, backMs)}${waypoint.words}`;
  const expected = `at most ${bound.lost} lost, ${bound.gapMs} ms without a good answer, all well again after ${bound.backMs} ms`;
  const evidence: Evidence[] = [{ source: "load", lines: badLines(answers, ran.killedAt) }, ...waypoint.evidence];
  const more = { expected, evidence };
  if (ran.late !== undefined) return failed(name, layer, seen, more);
  const seconds = ((answers.at(-1)?.at ?? 0) - (answers[0]?.at ?? 0)) / 1000;
  const least = Math.max(calm * 2, seconds * perSecond * numbers.atLeast);
  if (sent < least) {
    const thin = `the load was too thin: ${sent} requests in ${seconds.toFixed(0)} s`;
    return unclear(name, "client", `${thin}; ${seen}`, more);
  }
  const over = losses.lost > bound.lost || losses.gapMs > bound.gapMs || backMs > bound.backMs;
  return over ? failed(name, layer, seen, more) : passed(name, layer, seen, { evidence });
}

/** What came of a kill, by the clock of the load. */
interface Ran {
  killedAt: number;
  /** When what was killed was there again. */
  backAt: number;
  /** Name of the killed target. */
  what?: string;
  /** What did not come back in time. */
  late?: string;
}

/** Kills while the load runs, once it is calm, and waits until it is calm again. */
async function underLoad(context: VerifyContext, load: Load, kill: Kill, limitMs: number): Promise<Ran> {
  const now = async () => (await load.read(context.signal)).now;
  load.start();
  try {
    await untilCalm(context, load, 0, context.timings.convergeMs + calmMs).catch((error) => {
      context.signal.throwIfAborted();
      throw new PreconditionError("client", `nothing was killed: ${messageOf(error)}`, {
        verdict: "inconclusive",
        cause: error,
      });
    });
    const killedAt = await now();
    await kill.strike();
    try {
      const what = await kill.back(limitMs);
      const backAt = await now();
      await untilCalm(context, load, killedAt, Math.max(0, limitMs - (backAt - killedAt)) + calmMs);
      return { killedAt, backAt, what };
    } catch (error) {
      context.signal.throwIfAborted();
      return { killedAt, backAt: await now(), late: messageOf(error) };
    }
  } finally {
    await load.stop();
  }
}

function untilCalm(context: VerifyContext, load: Load, after: number, deadlineMs: number): Promise<LoadAnswer> {
  const look = async (signal: AbortSignal) => {
    const { answers } = await load.read(signal);
    const since = steadySince(answers, after, calm);
    if (since) return since;
    const bad = answers.filter((answer) => !isSuccess(answer)).length;
    throw new Error(`${answers.length} requests, ${bad} of them without a good answer`);
  };
  const what = `${calm} requests in a row to be answered`;
  return eventually(look, { what, deadlineMs, intervalMs: 500, signal: context.signal, clock: context.clock });
}

function sayLosses({ sent, lost, bad, gapMs, met }: LossSummary, backMs: number): string {
  const words = [...met].map(([word, count]) => `${word} ×${count}`).join(", ");
  const when = bad ? ` (${words}; from ${bad[0]} to ${bad[1]} ms after the kill)` : "";
  return `${lost} of ${sent} requests lost${when}, at most ${gapMs} ms without a good answer, ${Number.isFinite(backMs) ? `all well again after ${backMs} ms` : "and not well again"}`;
}

/** Failures in the waypoint's log; the log of a deleted waypoint is not available. */
async function noticedBy(context: VerifyContext, id: string): Promise<{ words: string; evidence: Evidence[] }> {
  const read = await accessLines(context, "waypoint", id);
  if ("unavailable" in read) return { words: "", evidence: [{ source: "waypoint log", lines: [read.unavailable] }] };
  const bad = read.found.filter(({ status }) => status < 200 || status > 299);
  const kinds = [...new Set(bad.map(({ status, flags }) => `${status} ${flags}`))];
  const words = kinds.map(
    (kind) => `${kind} ×${bad.filter(({ status, flags }) => kind === `${status} ${flags}`).length}`,
  );
  return {
    words: words.length > 0 ? `; noted by the waypoint: ${words.join(", ")}` : "",
    evidence: [{ source: "waypoint log", lines: bad.slice(0, 100).map(({ text }) => text) }],
  };
}

/** The requests that were lost, a line each. */
const badLines = (answers: readonly LoadAnswer[], killedAt: number): string[] =>
  answers
    .filter((answer) => !isSuccess(answer))
    .slice(0, 200)
    .map(
      ({ n, at, status, exit, ms }) =>
        `request ${n}, ${at - killedAt} ms after the kill: ${status || "no answer"}, curl exit ${exit}, ${ms} ms`,
    );
