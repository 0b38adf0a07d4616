import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type ReadLineOptions } from "node:readline/promises";
import { fetcher } from "../../artifacts/download";
import { exec } from "../../host/exec";
import { claimFolder } from "../../host/port-claims";
import { printableColours } from "../../host/printable";
import { realClock } from "../../verify/eventually";
import { abortedBy } from "./abort";
import type { Io } from "./io";

/** {@link Io} of this process. */
export function processIo(): Io {
  const live = Boolean(process.stderr.isTTY) && process.env.TERM !== "dumb" && !process.env.CI;
  const interactive = Boolean(process.stdin.isTTY && process.stderr.isTTY);
  // If one of them is a terminal, its Ctrl+C reaches the engine as well.
  const { signal, nextSignal, end } = endOfProcess(
    [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY),
  );
  return {
    stdout: { write: (text) => process.stdout.write(printableColours(text)) },
    stderr: { write: (text) => writeOrEnd(process.stderr, text, end) },
    piped: !process.stdout.isTTY,
    live,
    columns: process.stderr.columns ?? 120,
    ...(interactive ? { confirm: (question) => confirm(question, signal) } : {}),
    ...(interactive && hasBrowser(process.env) ? { openBrowser } : {}),
    env: process.env,
    root: join(__dirname, "../.."),
    exec,
    fetcher,
    claimFolder,
    openEngine: async (options) => (await import("../engine/automation.ts")).openEngine(options),
    openLabClient: async (facts) => (await import("../../verify/kube/index.ts")).kubeLabClient(facts),
    openCluster: async (address) => (await import("../../verify/kube/index.ts")).kubeClusterClient(address),
    clock: realClock,
    signal,
    nextSignal,
  };
}

/**
 * Signals that abort on an interrupt, a signal of the system, a closed terminal (SIGHUP, and EIO at a write), or a closed
 * output pipe (EPIPE; Node.js ignores SIGPIPE).
 */
function endOfProcess(atTerminal: boolean): { signal: AbortSignal; nextSignal: () => AbortSignal; end: () => void } {
  const first = new AbortController();
  let current = first;
  process.on("SIGINT", () => current.abort(atTerminal ? abortedBy.terminal : abortedBy.signal));
  process.on("SIGTERM", () => current.abort(abortedBy.signal));
  // After a closed terminal or pipe, every write fails. Cleanup continues: only the first signal aborts.
  const end = () => first.abort(abortedBy.signal);
  process.on("SIGHUP", end);
  // Without a listener, the "error" event of a failed write would end the process. Ctrl+C also ends the reader of a pipeline;
  // its SIGINT may arrive one turn of the event loop after the error, and must be handled first.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => setImmediate(end));
  const nextSignal = () => {
    current = new AbortController();
    return current.signal;
  };
  return { signal: first.signal, nextSignal, end };
}

/** Writes progress, also from timers. A failed write to a file throws synchronously. */
function writeOrEnd(stream: NodeJS.WriteStream, text: string, end: () => void): void {
  try {
    stream.write(text);
  } catch {
    end();
  }
}

/** macOS and Windows always have a desktop. Over SSH the browser would open on the remote machine. */
export function hasBrowser(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): boolean {
  const { CI, SSH_CONNECTION, DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME } = env;
  if (CI || SSH_CONNECTION) return false;
  return platform !== "linux" || Boolean(DISPLAY || WAYLAND_DISPLAY || WSL_DISTRO_NAME);
}

async function openBrowser(url: string): Promise<void> {
  const { default: open } = await import("open");
  await open(url);
}

function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const { stdin } = process;
  const setRawMode = stdin.setRawMode.bind(stdin);
  // readline resets the mode in an event handler, in which the EIO of a closed terminal would not be caught.
  stdin.setRawMode = (mode) => {
    try {
      return setRawMode(mode);
    } catch {
      return stdin;
    }
  };
  return ask(question, { input: stdin, output: process.stderr }, signal);
}

/**
 * Asks a yes/no question at a terminal. Every answer but "y" or "yes" is a no, and so is the end of the input.
 * @throws the signal's reason when it aborts
 */
export async function ask(question: string, at: ReadLineOptions, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface(at);
  const closed = once(terminal, "close").then(() => "");
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `, { signal }), closed]);
    signal.throwIfAborted();
    return /^y(es)?$/i.test(answer.trim());
  } catch (thrown) {
    signal.throwIfAborted();
    // Ctrl+C and Ctrl+D at the question.
    if (thrown instanceof Error && thrown.name === "AbortError") return false;
    throw thrown;
  } finally {
    terminal.close();
  }
}
