import { accessSync, constants, statSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, join } from "node:path";
import { LabError } from "./errors";

/**
 * Path of the program that a shell runs for a name; undefined when no folder of PATH has one. Like a shell, it skips folders
 * and files that are not executable (POSIX, XCU 2.9.1.4).
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

/** Options of {@link Exec}. */
export interface ExecOptions {
  /** Working directory. @default the directory of this process */
  cwd?: string;
  /** Variables in addition to those of this process and {@link labEnvironment}; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  /** Text for the standard input. @default empty */
  input?: string;
  /** Milliseconds after which the command is terminated and counts as failed. @default 60000 */
  timeoutMs?: number;
  /** Receives each line of stdout and stderr when it is written. */
  onLine?: (line: string) => void;
  /** Terminates the command when aborted (SIGTERM, then SIGKILL after 5 s). */
  signal?: AbortSignal;
}

/** Result of a finished command. */
export interface ExecResult {
  /** The command, quoted for a shell. */
  command: string;
  /** Exit code; 127 when the program does not exist, 124 after the timeout, 128 + n for a signal. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program with an argument array, without a shell. Only the implementations of this type start processes. */
export type Exec = (file: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

/**
 * Overrides variables of the user's shell that redirect kind and docker. With KIND_EXPERIMENTAL_PROVIDER kind uses podman or
 * nerdctl (kubernetes-sigs/kind pkg/internal/runtime/runtime.go). With DOCKER_DEFAULT_PLATFORM docker pulls, builds and runs
 * another platform than that of its server (docker/cli cli/command/image/pull.go).
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
  // Merged, the streams would mix within a line.
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
