import { randomUUID } from "node:crypto";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import type { LabPod } from "../pods";
import { PreconditionError } from "../precondition-error";
import { tagged } from "./send";

/** One request of a load. */
export interface LoadAnswer {
  n: number;
  /** When it was sent, in milliseconds by the clock of the client's node. */
  at: number;
  /** 0 without an answer. */
  status: number;
  /** curl's exit code. */
  exit: number;
  /** How long it took, in milliseconds. */
  ms: number;
}

interface LoadState {
  /** The clock of the client's node, in milliseconds. */
  now: number;
  /** In the order of sending, without requests in progress. */
  answers: readonly LoadAnswer[];
  /** Number of requests, once the load has ended. */
  sent?: number;
}

interface LoadPlan {
  method: string;
  url: string;
  perSecond: number;
  timeoutMs: number;
  /** Number of requests after which the load ends, also when the verifier was killed. */
  most: number;
}

/**
 * Sends requests at a fixed rate without waiting for their answers. Times are from /proc/uptime of the node, in hundredths of a second,
 * since `date` of the images may have a resolution of one second.
 */
const run = [
  "trap over=1 TERM",
  'echo $$ >"$1.pid"; : >"$1"',
  "n=0; over=",
  'while [ -z "$over" ] && [ $n -lt "$2" ]; do',
  "n=$((n+1)); read -r at _ </proc/uptime",
  'curl -s -o /dev/null -X "$4" -m "$5" -H "Connection: close" -w "$n $at %{http_code} %{exitcode} %{time_total}\\n" "$6&n=$n" >>"$1" &',
  'sleep "$3"',
  "done",
  'wait; echo "sent $n" >>"$1"',
].join("\n");
const look = 'read -r at _ </proc/uptime; echo "now $at"; cat "$1"';
const end = 'read -r load <"$1.pid"; kill $load';

/** A load of requests from a pod at a constant rate, each on its own connection and with its number in the query. */
export class Load {
  /** In the query of every request. */
  readonly id = randomUUID();
  readonly #context: VerifyContext;
  readonly #from: LabPod;
  readonly #plan: LoadPlan;
  readonly #file = `/tmp/load-${this.id}`;
  #running: Promise<unknown> | undefined;

  constructor(context: VerifyContext, from: LabPod, plan: LoadPlan) {
    this.#context = context;
    this.#from = from;
    this.#plan = plan;
  }

  start(): void {
    const { method, url, perSecond, timeoutMs, most } = this.#plan;
    const arguments_ = [String(most), String(1 / perSecond), method, String(timeoutMs / 1000), tagged(url, this.id)];
    const command = ["sh", "-c", run, "load", this.#file, ...arguments_];
    const limit = (most / perSecond) * 3_000 + timeoutMs;
    // The results are in a file, so that they survive a lost connection to the API server.
    this.#running = this.#context.lab.exec(this.#from, command, limit, this.#context.signal).catch(() => undefined);
  }

  async read(signal: AbortSignal): Promise<LoadState> {
    const { stdout, stderr } = await this.#shell(look, signal);
    const now = /^now (\d+\.\d+)$/m.exec(stdout)?.[1];
    if (now === undefined)
      throw new PreconditionError("app", `the load of ${this.#from.name} cannot be read: ${stderr.trim()}`);
    const sent = /^sent (\d+)$/m.exec(stdout)?.[1];
    return {
      ...{ now: msOf(now), answers: parseLoadAnswers(stdout) },
      ...(sent === undefined ? {} : { sent: Number(sent) }),
    };
  }

  /** Ends the load and waits for requests in progress, also after an interrupt. */
  async stop(): Promise<void> {
    const lasting = new AbortController().signal;
    await this.#shell(end, lasting).catch(() => undefined);
    await this.#running;
  }

  /** The results of all requests, after the load was stopped. */
  async result(): Promise<LoadState & { sent: number }> {
    const ended = async (signal: AbortSignal) => {
      const state = await this.read(signal);
      if (state.sent === undefined) throw new Error("it still sends");
      return { ...state, sent: state.sent };
    };
    const { signal, clock, timings } = this.#context;
    return eventually(ended, { what: "the load to end", deadlineMs: timings.convergeMs, signal, clock });
  }

  #shell(script: string, signal: AbortSignal) {
    return this.#context.lab.exec(this.#from, ["sh", "-c", script, "load", this.#file], 10_000, signal);
  }
}

const msOf = (seconds: string): number => Math.round(Number(seconds) * 1000);

/** Reads the lines of a load, in the order of sending. */
export function parseLoadAnswers(text: string): LoadAnswer[] {
  const lines = [...text.matchAll(/^(\d+) (\d+\.\d+) (\d{3}) (\d+) (\d+\.\d+)$/gm)];
  return lines
    .map(([, n, at, status, exit, seconds]) => ({
      ...{ n: Number(n), at: msOf(at ?? ""), status: Number(status), exit: Number(exit), ms: msOf(seconds ?? "") },
    }))
    .sort((a, b) => a.n - b.n);
}

/** Whether a request was answered with a status of 2xx. */
export const isSuccess = ({ status, exit }: LoadAnswer): boolean => exit === 0 && status >= 200 && status < 300;

/** The first of at least `calm` successful requests in a row after `after`; undefined while there are fewer. */
export function steadySince(answers: readonly LoadAnswer[], after: number, calm: number): LoadAnswer | undefined {
  const later = answers.filter(({ at }) => at >= after);
  const lastBad = later.findLastIndex((answer) => !isSuccess(answer));
  const row = later.slice(lastBad + 1);
  return row.length >= calm ? row[0] : undefined;
}

/** Lost requests of a kill. */
export interface LossSummary {
  sent: number;
  lost: number;
  /** First and last request without a successful answer, in milliseconds since the kill. */
  bad?: readonly [number, number];
  /** Longest time between two good answers, in milliseconds. */
  gapMs: number;
  /** Milliseconds from the kill to the first request after the last failure; infinite without such a request. */
  backMs: number;
  /** The results of the lost requests, each with its number. */
  met: ReadonlyMap<string, number>;
}

/** Counts the lost requests among those that were in progress at `killedAt` or sent later. A request without a line is lost as well. */
export function summarizeLosses(all: readonly LoadAnswer[], sentInAll: number, killedAt: number): LossSummary {
  const endOf = ({ at, ms }: LoadAnswer) => at + ms;
  const answers = all.filter((answer) => endOf(answer) >= killedAt);
  const sent = sentInAll - (all.length - answers.length);
  const bad = answers.filter((answer) => !isSuccess(answer));
  const good = all
    .filter(isSuccess)
    .map(endOf)
    .sort((a, b) => a - b);
  // Without further answers the gap ends with the last request.
  const before = good.findLast((end) => end < killedAt);
  const ends = [
    ...(before === undefined ? [] : [before]),
    ...good.filter((end) => end >= killedAt),
    all.at(-1)?.at ?? 0,
  ];
  const gaps = ends.slice(1).map((at, index) => at - (ends[index] ?? at));
  const met = new Map<string, number>();
  for (const answer of bad) met.set(wordsOf(answer), (met.get(wordsOf(answer)) ?? 0) + 1);
  if (sent > answers.length) met.set("no trace", sent - answers.length);
  const [first, last] = [bad[0], bad.at(-1)];
  const back = last ? answers.find(({ at }) => at > last.at) : undefined;
  return {
    ...{ sent, lost: sent - (answers.length - bad.length), met },
    ...(first && last ? { bad: [first.at - killedAt, last.at - killedAt] as const } : {}),
    gapMs: Math.max(0, ...gaps),
    backMs: last ? (back?.at ?? Number.POSITIVE_INFINITY) - killedAt : 0,
  };
}

/** The status of an answer; without an answer the error of curl. */
function wordsOf({ status, exit }: LoadAnswer): string {
  if (status > 0) return String(status);
  const known: Readonly<Record<number, string>> = { 7: "refused", 28: "no answer", 52: "cut off", 56: "reset" };
  return known[exit] ?? `curl exit ${exit}`;
}
