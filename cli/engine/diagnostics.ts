import { stripVTControlCharacters } from "node:util";
import type { DiagnosticEvent, EngineEvent } from "@pulumi/pulumi/automation/events";
import { parseUrn } from "./urn";

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

/** Collects what the engine says; drops what nobody needs to read. */
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
