import { accessSync, constants, statSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, join } from "node:path";
import { LabError } from "./errors";

/**
 * Path of the program that a script gets by its name; undefined when the PATH has none. Like a shell it passes over what it
 * cannot run: folders and files without the right to execute (POSIX, XCU 2.9.1.4).
 */
export function firstOnPath(program: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) => (folder ? [join(folder, program)] : []))
    .find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** How a command is run. */
export interface ExecOptions {
  /** Working directory. @default the caller's */
  cwd?: string;
  /** Variables added to those of this process and to {@link labEnvironment}; an undefined one is taken away. */
  env?: Record<string, string | undefined>;
  /** Text for its standard input. @default nothing */
  input?: string;
  /** Milliseconds after which it is ended and counts as failed. @default 60000 */
  timeoutMs?: number;
  /** Receives each line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
  /** Ends the command when aborted (SIGTERM, then SIGKILL after 5 s). */
  signal?: AbortSignal;
}

/** What a finished command left behind. */
export interface ExecResult {
  /** The command as it can be pasted into a shell. */
  command: string;
  /** Exit code; 127 when the program does not exist, 124 when the time was up, 128 + n for a signal. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program with an argument array, never through a shell. The only place of the project that starts processes. */
export type Exec = (file: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

/**
 * Variables that lead kind and docker away from the lab when the user's shell has them, as every program gets them instead.
 * With KIND_EXPERIMENTAL_PROVIDER kind works in podman or nerdctl (kubernetes-sigs/kind pkg/internal/runtime/runtime.go); with
 * DOCKER_DEFAULT_PLATFORM docker pulls, builds and runs another platform than its server's (docker/cli
 * cli/command/image/pull.go).
 */
const labEnvironment = { KIND_EXPERIMENTAL_PROVIDER: "docker", DOCKER_DEFAULT_PLATFORM: undefined };

/** {@link Exec} on this machine. Never rejects: the exit code reports a failure. */
export const exec: Exec = async (file, args, options = {}) => {
  const { execa } = await import("execa");
  const child = execa(file, args, {
    cwd: options.cwd,
    env: { ...labEnvironment, ...options.env },
    input: options.input ?? "",
    timeout: options.timeoutMs ?? 60_000,
    cancelSignal: options.signal,
    forceKillAfterDelay: 5_000,
    reject: false,
    stripFinalNewline: true,
  });
  const follow = async (from: "stdout" | "stderr") => {
    if (options.onLine) for await (const line of child.iterable({ from })) options.onLine(String(line));
  };
  // Each stream by itself: merged, half a line of one would end in a line of the other.
  await Promise.all([follow("stdout"), follow("stderr")]);
  const result = await child;
  return {
    command: result.escapedCommand,
    code: exitCodeOf(result),
    stdout: result.stdout ?? "",
    stderr: result.stderr || (result.failed && !result.stdout ? (result.shortMessage ?? "") : ""),
  };
};

interface Ending {
  exitCode?: number;
  timedOut: boolean;
  signal?: NodeJS.Signals;
  code?: string;
}

function exitCodeOf({ exitCode, timedOut, signal, code }: Ending): number {
  if (timedOut) return 124;
  if (code === "ENOENT") return 127;
  return exitCode ?? (signal ? 128 + osConstants.signals[signal] : 1);
}

/**
 * Runs a command that must succeed.
 * @returns its stdout
 * @throws LabError with the pasteable command and the last lines of its stderr
 */
export async function run(
  exec: Exec,
  file: string,
  args: readonly string[],
  options: ExecOptions & { why: string; fix: string },
): Promise<string> {
  const result = await exec(file, args, options);
  if (result.code === 0) return result.stdout;
  const tail = (result.stderr || result.stdout).trim().split("\n").slice(-6).join("\n");
  throw new LabError({
    what: `"${result.command}" failed with exit code ${result.code}${tail ? `:\n${tail}` : ""}`,
    why: options.why,
    fix: options.fix,
  });
}
