import { ExitCode, LabError, LabErrors, messageOf, parseProblems } from "../../host/errors";
import type { Diagnostic, Diagnostics } from "./diagnostics";

/** Problems of one failure that are shown: ten images that cannot be pulled have one reason. */
const problemsShown = 3;
/** The command plugin quotes the whole script before it tells what the script said. */
const quotedScript = /: running "(?:[^"\\]|\\.)*":/g;
/** Lines of one diagnostic that are shown; --verbose shows all. */
const linesShown = 8;

/** What the engine's failure means and the one thing to do next. */
export interface EngineFailure {
  operation: string;
  stack: string;
  diagnostics: Diagnostics;
  interrupted: boolean;
  cause: unknown;
}

/**
 * The problem of an operation that the engine refused because another engine holds the stack's lock. The Automation API
 * gives such an error its own name, for each kind of backend (pulumi/pulumi, sdk/nodejs/automation/errors.ts).
 * @returns undefined for any other failure
 */
export function lockRefusal(thrown: unknown, stack: string): LabError | undefined {
  if (!(thrown instanceof Error) || thrown.name !== "ConcurrentUpdateError") return undefined;
  // Self-managed backends name the owner of each lock (pkg/backend/diy/lock.go).
  const owners = new Set([...thrown.message.matchAll(/: created by (\S+@\S+ \(pid \d+\))/g)].map(([, owner]) => owner));
  return lockedStack(stack, [...owners].join(", ") || "another engine", thrown);
}

/** The problem of a stack that another engine changes. */
export function lockedStack(stack: string, owner: string, cause?: unknown): LabError {
  return new LabError(
    {
      what: `Stack "${stack}" is being changed by ${owner}`,
      why: "Two engines on one state would undo each other's work",
      fix: `pulumi cancel --yes --stack ${stack}   (only if that engine has died; otherwise let it finish)`,
    },
    { cause },
  );
}

/** A failed engine operation as a problem that a person can read. */
export function engineFailure({ operation, stack, diagnostics, interrupted, cause }: EngineFailure): LabError {
  const refused = lockRefusal(cause, stack);
  if (refused) return refused;
  const again = `npm run ${operation} -- --stack ${stack}`;
  const { errors } = diagnostics;
  const own = errors.flatMap(({ message }) => parseProblems(message)).slice(0, problemsShown);
  if (own.length > 0) {
    const problems = new LabErrors(own, ExitCode.fail);
    problems.cause = cause;
    return problems;
  }
  if (interrupted) {
    return new LabError(
      {
        what: `"${operation}" was interrupted`,
        why: "The engine finished what it had begun and wrote it down; the rest is not done",
        fix: `${again}   (goes on from there)`,
      },
      { cause },
    );
  }
  const what = errors.length > 0 ? errors.map(headline).join("\n") : unexplained(messageOf(cause));
  return new LabError(
    {
      what,
      why: `The engine stopped there; what was done before is in the state of stack "${stack}"`,
      fix: `Mend the cause, then: ${again}   (goes on from there; --verbose shows the engine's whole answer)`,
    },
    { cause },
  );
}

/** What is known of a failure that came without a diagnostic: the engine was killed, or never began. */
function unexplained(message: string): string {
  const [, signal] = /was killed with (SIG\w+)/.exec(message) ?? [];
  if (signal) return `The engine was killed (${signal})`;
  const errors = [...message.matchAll(/^\s*error: (.+)$/gm)].map(([, text = ""]) => text);
  return errors.length > 0 ? errors.join("\n") : firstLines(message);
}

function headline({ resource, kind, message }: Diagnostic): string {
  return `${resource ? `${kind} "${resource}": ` : ""}${firstLines(message)}`;
}

function firstLines(message: string): string {
  const lines = message
    .replaceAll(quotedScript, ":")
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s+at /.test(line));
  const more = lines.length - linesShown;
  return [...lines.slice(0, linesShown), ...(more > 0 ? [`… ${more} more lines`] : [])].join("\n");
}
