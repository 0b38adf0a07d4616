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

/** The requests of a load until now. */
export interface LoadState {
  /** The clock of the client's node, in milliseconds. */
  now: number;
  /** In the order in which they were sent; those under way are not among them. */
  answers: readonly LoadAnswer[];
  /** How many were sent, once the load has ended. */
  sent?: number;
}

/** What a load sends. */
export interface LoadPlan {
  method: string;
  url: string;
  perSecond: number;
  timeoutMs: number;
  /** Requests after which it ends by itself: nobody may be left to end it. */
  most: number;
}

/**
 * Sends a request at every beat and waits for none of them. The time is the node's own (/proc/uptime, in hundredths of a
 * second), since the images of the apps need not have a clock that tells less than seconds.
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

/** A steady load from a pod, each request on a connection of its own and with its number in the query. */
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
    // It writes to a file of its own: a connection to the API server that breaks loses nothing.
    this.#running = this.#context.lab.exec(this.#from, command, limit, this.#context.signal).catch(() => undefined);
  }

  async read(signal: AbortSignal): Promise<LoadState> {
    const { stdout, stderr } = await this.#shell(look, signal);
    const now = /^now (\d+\.\d+)$/m.exec(stdout)?.[1];
    if (now === undefined)
      throw new PreconditionError("app", `the load of ${this.#from.name} cannot be read: ${stderr.trim()}`);
    const sent = /^sent (\d+)$/m.exec(stdout)?.[1];
    return {
      ...{ now: msOf(now), answers: parseShots(stdout) },
      ...(sent === undefined ? {} : { sent: Number(sent) }),
    };
  }

  /** Ends it and waits for the requests under way. Harmless when it has ended; not stopped by an interrupt. */
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

/** Reads the lines that a load wrote, in the order of sending. */
export function parseShots(text: string): LoadAnswer[] {
  const lines = [...text.matchAll(/^(\d+) (\d+\.\d+) (\d{3}) (\d+) (\d+\.\d+)$/gm)];
  return lines
    .map(([, n, at, status, exit, seconds]) => ({
      ...{ n: Number(n), at: msOf(at ?? ""), status: Number(status), exit: Number(exit), ms: msOf(seconds ?? "") },
    }))
    .sort((a, b) => a.n - b.n);
}
