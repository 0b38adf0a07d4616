import { join } from "node:path";
import { createInterface, type ReadLineOptions } from "node:readline/promises";
import { fetcher } from "../download";
import { exec } from "../exec";
import { realClock } from "../verify/eventually";
import type { Io } from "./io";

/** {@link Io} of this process. */
export function processIo(): Io {
  const live = Boolean(process.stderr.isTTY) && process.env.TERM !== "dumb" && !process.env.CI;
  const interactive = Boolean(process.stdin.isTTY && process.stderr.isTTY);
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    live,
    columns: process.stderr.columns ?? 120,
    ...(interactive ? { confirm } : {}),
    ...(interactive && hasBrowser(process.env) ? { openBrowser } : {}),
    env: process.env,
    root: join(__dirname, ".."),
    exec,
    fetcher,
    openEngine: async (options) => (await import("./engine/automation.js")).openEngine(options),
    openWorld: async (facts) => (await import("../verify/kube/index.js")).kubeWorld(facts),
    clock: realClock,
    // With one of them at the terminal its Ctrl+C goes to the engine as well, wherever the others lead.
    signal: endOfProcess([process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)),
  };
}

/** Reasons of the abort signal: the terminal has sent its SIGINT to the engine as well, a second one would kill it. */
export const abortedBy = { terminal: "terminal", signal: "signal" } as const;

/**
 * The command's signal for a program that it runs. A Ctrl+C at the terminal has reached that program already; a second
 * interrupt would make the engine drop what it has begun.
 */
export function childSignal(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const forward = () => {
    if (signal.reason !== abortedBy.terminal) controller.abort(signal.reason);
  };
  if (signal.aborted) forward();
  signal.addEventListener("abort", forward, { once: true });
  return controller.signal;
}

function endOfProcess(atTerminal: boolean): AbortSignal {
  const controller = new AbortController();
  process.on("SIGINT", () => controller.abort(atTerminal ? abortedBy.terminal : abortedBy.signal));
  process.on("SIGTERM", () => controller.abort(abortedBy.signal));
  return controller.signal;
}

/** Elsewhere than on Linux a desktop is a matter of course; over SSH the browser would open at the far end. */
export function hasBrowser(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): boolean {
  const { CI, SSH_CONNECTION, DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME } = env;
  if (CI || SSH_CONNECTION) return false;
  return platform !== "linux" || Boolean(DISPLAY || WAYLAND_DISPLAY || WSL_DISTRO_NAME);
}

async function openBrowser(url: string): Promise<void> {
  const { default: open } = await import("open");
  await open(url);
}

const confirm = (question: string) => ask(question, { input: process.stdin, output: process.stderr });

/** Asks at a terminal; whatever is not a yes is a no. */
export async function ask(question: string, at: ReadLineOptions): Promise<boolean> {
  const terminal = createInterface(at);
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } catch (thrown) {
    // Ctrl+C and Ctrl+D at the question: that is a no.
    if (thrown instanceof Error && thrown.name === "AbortError") return false;
    throw thrown;
  } finally {
    terminal.close();
  }
}
