import { stripVTControlCharacters } from "node:util";
import type { DiagnosticEvent, EngineEvent } from "@pulumi/pulumi/automation/events";
import { ExitCode, LabError, LabErrors, messageOf, type Problem, parseProblems, UsageError } from "../../host/errors";
import { pulumiCommand } from "../toolchain/tools";
import { parseUrn } from "./urn";

/** Maximum number of problems of one failure: ten images that cannot be pulled have one reason. */
const problemsShown = 3;
/** The command plugin quotes the whole script before the output of the script. */
const quotedScript = /: running "(?:[^"\\]|\\.)*":/g;
/** Maximum number of lines of one diagnostic without --verbose. */
const linesShown = 8;

/** A failed operation of the engine. */
export interface EngineFailure {
  operation: string;
  stack: string;
  diagnostics: Diagnostics;
  interrupted: boolean;
  cause: unknown;
}

/**
 * The problem of an operation that failed because another engine holds the stack's lock. For each kind of backend, the
 * Automation API throws a ConcurrentUpdateError (pulumi/pulumi, sdk/nodejs/automation/errors.ts).
 * @returns undefined for any other failure
 */
export function lockRefusal(thrown: unknown, stack: string): LabError | undefined {
  if (!(thrown instanceof Error) || thrown.name !== "ConcurrentUpdateError") return undefined;
  // The message of a self-managed backend contains the owner of each lock (pkg/backend/diy/lock.go).
  const owners = new Set([...thrown.message.matchAll(/: created by (\S+@\S+ \(pid \d+\))/g)].map(([, owner]) => owner));
  return lockedStack(stack, [...owners].join(", ") || "another engine", thrown);
}

/** The problem of a stack that another engine is changing. */
export function lockedStack(stack: string, owner: string, cause?: unknown): LabError {
  return new LabError(
    {
      what: `Stack "${stack}" is being changed by ${owner}`,
      why: "Two engines on one state would undo each other's work",
      fix: `${pulumiCommand(`cancel --yes --stack ${stack}`)}   (only if that engine has died; otherwise let it finish)`,
    },
    { cause },
  );
}

/**
 * The problem of a stack whose settings or state the engine cannot decrypt (pulumi v3.259.0 pkg/secrets/passphrase/manager.go).
 * @returns undefined for any other message
 */
export function passphraseProblem(message: string): Problem | undefined {
  if (!/incorrect passphrase|passphrase must be set with PULUMI_CONFIG_PASSPHRASE/.test(message)) return undefined;
  return {
    what: "The passphrase is not the one that the stack was made with",
    why: "Pulumi decrypts the stack's settings and state by it; the lab's commands use an empty one if none is set",
    fix: [
      "unset PULUMI_CONFIG_PASSPHRASE PULUMI_CONFIG_PASSPHRASE_FILE   (for a stack that the lab's commands made)",
      "export PULUMI_CONFIG_PASSPHRASE=PASSPHRASE   (for any other)",
    ].join("\n"),
  };
}

/** The problem of a failed operation of the engine. */
export function engineFailure({ operation, stack, diagnostics, interrupted, cause }: EngineFailure): LabError {
  const refused = lockRefusal(cause, stack);
  if (refused) return refused;
  const again = `npm run ${operation} -- --stack ${stack}`;
  const { errors } = diagnostics;
  const sealed = passphraseProblem([...errors.map(({ message }) => message), messageOf(cause)].join("\n"));
  if (sealed) return new UsageError(sealed, cause);
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
        why: "The engine finished the started operations and recorded them; the rest is not done",
        fix: `${again}   (continues from there)`,
      },
      { cause },
    );
  }
  const what = errors.length > 0 ? errors.map(headline).join("\n") : unexplained(messageOf(cause));
  return new LabError(
    {
      what,
      why: `The engine stopped there; what was done before is in the state of stack "${stack}"`,
      fix: `Remove the cause, then: ${again}   (continues from there; --verbose shows the whole output of the engine)`,
    },
    { cause },
  );
}

/** Text for a failure without a diagnostic: the engine was killed, or did not start. */
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

/** A message of the engine about a resource. */
export interface Diagnostic {
  /** Name of the resource; "" for the stack as a whole. */
  resource: string;
  kind: string;
  severity: "warning" | "error";
  message: string;
}

const colorTag = /<\{%[^%]*%\}>/g;

/** Messages of the engine that do not help the user. */
const noise: readonly RegExp[] = [
  // Printed once per plugin and run when the plugin is on the PATH, as with a toolchain built from source.
  /^using pulumi-(resource|language|analyzer)-\S+ from \$PATH/,
  // The last line of every failure. The failed resource has a diagnostic with the reason.
  /^(update|preview|destroy|refresh) failed$/,
  /^resource plugin \S+ is expected to have version/,
  // Printed for each retry of a download. The error follows after the last one.
  /^Will retry in /m,
];

/** A message of the engine without colours and surrounding empty lines. The indentation of its first line stays. */
export function plain(text: string): string {
  const uncolored = stripVTControlCharacters(text.replaceAll(colorTag, ""));
  return uncolored.replace(/^(\s*\n)+/, "").trimEnd();
}

/** Collects the diagnostics of the engine, without {@link noise}. */
export class Diagnostics {
  readonly #found: Diagnostic[] = [];

  add(event: EngineEvent): void {
    if (event.diagnosticEvent) this.#addDiagnostic(event.diagnosticEvent);
  }

  #addDiagnostic(event: DiagnosticEvent): void {
    if ((event.severity !== "error" && event.severity !== "warning") || event.ephemeral) return;
    const message = plain(event.message);
    if (message === "" || noise.some((pattern) => pattern.test(message))) return;
    const { type, kind, name } = parseUrn(event.urn ?? "");
    const resource = type === "pulumi:pulumi:Stack" ? "" : name;
    if (this.#found.some((known) => known.resource === resource && known.message === message)) return;
    this.#found.push({ resource, kind, severity: event.severity, message });
  }

  get errors(): Diagnostic[] {
    return this.#found.filter(({ severity }) => severity === "error");
  }

  get warnings(): Diagnostic[] {
    return this.#found.filter(({ severity }) => severity === "warning");
  }
}
