import { stripVTControlCharacters } from "node:util";
import type { DiagnosticEvent, EngineEvent } from "@pulumi/pulumi/automation/events";
import { ExitCode, LabError, LabErrors, messageOf, type Problem, parseProblems, UsageError } from "../../host/errors";
import { pulumiCommand } from "../toolchain/tools";
import { parseUrn } from "./urn";

/** Problems of one failure that are shown: ten images that cannot be pulled have one reason. */
const problemsShown = 3;
/** The command plugin quotes the whole script before the output of the script. */
const quotedScript = /: running "(?:[^"\\]|\\.)*":/g;
/** Lines of one diagnostic that are shown; --verbose shows all. */
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
    why: "Pulumi decrypts the stack's settings and state by it; the lab's own commands take an empty one where none is set",
    fix: [
      "unset PULUMI_CONFIG_PASSPHRASE PULUMI_CONFIG_PASSPHRASE_FILE   (for a stack that the lab's commands made)",
      "export PULUMI_CONFIG_PASSPHRASE=PASSPHRASE   (for any other)",
    ].join("\n"),
  };
}

/** A failed operation of the engine as a problem with What, Why and Fix. */
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
        why: "The engine finished what it had begun and wrote it down; the rest is not done",
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

/** What the engine said about one resource. */
export interface Diagnostic {
  /** Name of the resource; "" for the stack as a whole. */
  resource: string;
  kind: string;
  severity: "warning" | "error";
  message: string;
}

const colorTag = /<\{%[^%]*%\}>/g;

/** Talk of the engine that is neither the lab's fault nor of any use to its user. */
const noise: readonly RegExp[] = [
  // A toolchain built from source lies on the PATH; the engine says so once per plugin and run.
  /^using pulumi-(resource|language|analyzer)-\S+ from \$PATH/,
  // The closing line of every failure; the failing resource has said why.
  /^(update|preview|destroy|refresh) failed$/,
  /^resource plugin \S+ is expected to have version/,
  // Each try of a download; the error after the last one says it all.
  /^Will retry in /m,
];

/** The engine's text without colours and empty lines around it; the indentation of its first line stays. */
function plain(text: string): string {
  const uncolored = stripVTControlCharacters(text.replaceAll(colorTag, ""));
  return uncolored.replace(/^(\s*\n)+/, "").trimEnd();
}

/** Collects the diagnostics of the engine without those in `noise`. */
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
