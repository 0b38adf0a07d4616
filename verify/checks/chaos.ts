import { type Layer, ports } from "../../config/vocabulary";
import type { KillSpec } from "../../experiments/check-detail";
import { appbHost } from "../../experiments/names";
import { messageOf } from "../../host/errors";
import { type KillTarget, numbers } from "../../modules/chaos/objects";
import type { VerifyContext } from "../context";
import { bounded, eventually } from "../eventually";
import { listAt, textAt } from "../json";
import type { LabPod, PodRole } from "../pods";
import { PreconditionError, unobservable } from "../precondition-error";
import { isSuccess, Load, type LoadAnswer, type LossSummary, steadySince, summarizeLosses } from "../probe/load";
import { accessLines } from "../probe/records";
import { unreadyWorkloads } from "../repair/mesh-state";
import type { Evidence, Finding } from "../report/schema";
import { bringBack, killNode, startNode } from "../restore/killed-node";
import { type CheckRun, type Detail, failed, passed, skipped, unclear } from "./check";

const { perSecond, timeoutMs, calm } = numbers;
/** Duration of {@link calm} requests in a row on a slow machine, in milliseconds. */
const calmMs = (2_000 * calm) / perSecond;

const layerOf: Readonly<Record<KillTarget, Layer>> = {
  istiod: "istiod",
  ztunnel: "ztunnel",
  waypoint: "waypoint",
  node: "nodes",
};

/** Kills the targets one after the other, and stops when the lab does not recover. */
export const chaos: CheckRun<"chaos"> = async (context, detail) => {
  const findings: Finding[] = [];
  for (const kill of detail.kills) {
    findings.push(await killed(context, detail, kill));
    if (!["pass", "skipped"].includes(findings.at(-1)?.verdict ?? "")) break;
  }
  return findings;
};

async function killed(
  context: VerifyContext,
  { method, path }: Detail<"chaos">,
  { victim, bound }: KillSpec,
): Promise<Finding> {
  const layer = layerOf[victim];
  const name = `${victim} killed: at most ${bound.lost} lost, back within ${bound.backMs / 1000} s`;
  const from = await context.podFinder.one("loadgen", context.signal);
  const kill = await prepareKill(context, victim, from);
  if ("skip" in kill) return skipped(name, layer, kill.skip);
  // The number of requests is limited so that the load also ends if the run is killed.
  const most = perSecond * Math.ceil((numbers.downMs + bound.backMs) / 1000 + 120);
  const load = new Load(context, from, {
    ...{ method, url: `http://${appbHost}:${ports.service}${path}`, perSecond, timeoutMs, most },
  });
  const result = await underLoad(context, load, kill, bound.backMs);
  const { answers, sent } = await load.result();
  const losses = summarizeLosses(answers, sent, result.killedAt);
  const backMs = Math.max(losses.backMs, result.backAt - result.killedAt);
  const waypoint = await failuresAtWaypoint(context, load.id);
  const seen = `${result.late ?? result.what}; ${lossesText(losses, backMs)}${waypoint.words}`;
  const expected = `at most ${bound.lost} lost, ${bound.gapMs} ms without a successful answer, recovered after ${bound.backMs} ms`;
  const evidence: Evidence[] = [{ source: "load", lines: badLines(answers, result.killedAt) }, ...waypoint.evidence];
  const more = { expected, evidence };
  if (result.late !== undefined) return failed(name, layer, seen, more);
  const seconds = ((answers.at(-1)?.at ?? 0) - (answers[0]?.at ?? 0)) / 1000;
  const least = Math.max(calm * 2, seconds * perSecond * numbers.atLeast);
  if (sent < least) {
    const tooFew = `the request rate was too low: ${sent} requests in ${seconds.toFixed(0)} s`;
    return unclear(name, "client", `${tooFew}; ${seen}`, more);
  }
  const over = losses.lost > bound.lost || losses.gapMs > bound.gapMs || backMs > bound.backMs;
  return over ? failed(name, layer, seen, more) : passed(name, layer, seen, { evidence });
}

/** Times of a kill and of the recovery, by the clock of the load. */
interface KillResult {
  killedAt: number;
  /** Time at which the target was ready again. */
  backAt: number;
  /** Description of the kill. */
  what?: string;
  /** Why the target was not ready in time. */
  late?: string;
}

/** Starts the load, kills the target once all requests succeed, and waits until they succeed again. */
async function underLoad(context: VerifyContext, load: Load, kill: Kill, limitMs: number): Promise<KillResult> {
  const now = async () => (await load.read(context.signal)).now;
  load.start();
  try {
    await untilCalm(context, load, 0, context.timings.convergeMs + calmMs).catch((error) => {
      context.signal.throwIfAborted();
      throw unobservable("client", `nothing was killed: ${messageOf(error)}`, error);
    });
    const killedAt = await now();
    await kill.execute();
    try {
      const what = await kill.recover(limitMs);
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
    throw new Error(`${answers.length} requests, ${bad} of them without a successful answer`);
  };
  const what = `${calm} requests in a row to be answered`;
  return eventually(look, { what, deadlineMs, intervalMs: 500, signal: context.signal, clock: context.clock });
}

function lossesText({ sent, lost, bad, gapMs, met }: LossSummary, backMs: number): string {
  const words = [...met].map(([word, count]) => `${word} ×${count}`).join(", ");
  const when = bad ? ` (${words}; from ${bad[0]} to ${bad[1]} ms after the kill)` : "";
  return `${lost} of ${sent} requests lost${when}, at most ${gapMs} ms without a successful answer, ${Number.isFinite(backMs) ? `recovered after ${backMs} ms` : "and not recovered"}`;
}

/** Failed requests in the waypoint's log; the log of a deleted waypoint is not available. */
async function failuresAtWaypoint(
  context: VerifyContext,
  id: string,
): Promise<{ words: string; evidence: Evidence[] }> {
  const read = await accessLines(context, "waypoint", id);
  if ("unavailable" in read) return { words: "", evidence: [{ source: "waypoint log", lines: [read.unavailable] }] };
  const bad = read.found.filter(({ status }) => status < 200 || status > 299);
  const kinds = [...new Set(bad.map(({ status, flags }) => `${status} ${flags}`))];
  const words = kinds.map(
    (kind) => `${kind} ×${bad.filter(({ status, flags }) => kind === `${status} ${flags}`).length}`,
  );
  return {
    words: words.length > 0 ? `; logged by the waypoint: ${words.join(", ")}` : "",
    evidence: [{ source: "waypoint log", lines: bad.slice(0, 100).map(({ text }) => text) }],
  };
}

const badLines = (answers: readonly LoadAnswer[], killedAt: number): string[] =>
  answers
    .filter((answer) => !isSuccess(answer))
    .slice(0, 200)
    .map(
      ({ n, at, status, exit, ms }) =>
        `request ${n}, ${at - killedAt} ms after the kill: ${status || "no answer"}, curl exit ${exit}, ${ms} ms`,
    );

/** A prepared kill. */
interface Kill {
  execute(): Promise<void>;
  /**
   * Waits until the target is ready again, and repairs the mesh where needed.
   * @returns a description of the kill
   * @throws Error when the target is not ready in time, or was not killed
   */
  recover(limitMs: number): Promise<string>;
}

/** Prepares a kill. Returns the reason when this lab has no target for it. */
async function prepareKill(
  context: VerifyContext,
  victim: KillTarget,
  loadgen: LabPod,
): Promise<Kill | { skip: string }> {
  if (victim === "node") return nodeKill(context, loadgen);
  if (victim !== "ztunnel") return podKill(context, victim, await context.podFinder.one(victim, context.signal));
  const { node } = await context.podFinder.one("appb", context.signal);
  const ztunnel = await context.podFinder.ztunnelOn(node, context.signal);
  if (!ztunnel) throw new PreconditionError("ztunnel", `no ready ztunnel on ${node}, the node of appb`);
  return podKill(context, "ztunnel", ztunnel);
}

function podKill(context: VerifyContext, role: PodRole, old: LabPod): Kill {
  const { lab, podFinder, facts, signal, clock } = context;
  const replaced = async (at: AbortSignal) => {
    const pods = (await podFinder.all(role, at)).filter(({ node }) => role !== "ztunnel" || node === old.node);
    if (pods.some(({ uid }) => uid === old.uid)) throw new Error(`${old.name} still runs`);
    const next = pods.find(({ ready }) => ready);
    if (!next) throw new Error(`no ready pod replaces ${old.name}`);
    const [open] = await unreadyWorkloads(facts, lab, new Map(), at);
    if (open) throw new Error(open);
    return next;
  };
  return {
    execute: () => lab.killPod(old, signal),
    recover: async (limitMs) => {
      const waiting = { what: `${old.name} to be replaced`, deadlineMs: limitMs, intervalMs: 500, signal, clock };
      const next = await eventually(replaced, waiting);
      return `${old.name} was killed, ${next.name} replaced it`;
    },
  };
}

/** Kills and restarts the container of a node: of the node of appb, or of another node when the load runs on that one. */
async function nodeKill(context: VerifyContext, loadgen: LabPod): Promise<Kill | { skip: string }> {
  const { lab, podFinder, facts, signal, clock } = context;
  if (facts.cluster !== "kind") return { skip: "the lab does not kill the nodes of an existing cluster" };
  const nodes = await lab.list({ apiVersion: "v1", kind: "Node" }, signal);
  const others = nodes
    .filter((node) => !listAt(node, "spec", "taints").some((taint) => textAt(taint, "effect") === "NoSchedule"))
    .map(({ metadata }) => metadata?.name ?? "")
    .filter((node) => node !== loadgen.node);
  const { node: appbs } = await podFinder.one("appb", signal);
  const name = others.includes(appbs) ? appbs : others[0];
  if (!name) return { skip: "the load runs on the only worker, and there is no other node to kill" };
  const before = await lab.nodeContainer(name, signal);
  const roles = ["appb", "waypoint", "gateway", "istiod"] as const;
  const pods = await Promise.all(roles.map((role) => podFinder.all(role, signal)));
  const there = roles.filter((_role, index) => pods[index]?.some(({ node }) => node === name));
  return {
    execute: async () => {
      try {
        await killNode(lab, name, signal);
        await clock.sleep(numbers.downMs, signal);
      } finally {
        await startNode(context, name);
      }
    },
    recover: async (limitMs) => {
      const notes: string[] = [];
      const say = (line: string) => void notes.push(line);
      await bounded((limit) => bringBack({ ...context, signal: limit }, name, say), limitMs, signal, clock);
      const { startedAt } = await lab.nodeContainer(name, signal);
      if (startedAt <= before.startedAt) throw new Error(`${name} was not restarted: nothing was killed`);
      return [
        `${name}, with ${there.join(", ") || "nothing of appb's path"}, was killed and started again`,
        ...notes,
      ].join("; ");
    },
  };
}
