import type { LabConfig } from "../config/schema";
import type { Problem } from "../host/errors";
import type { Exec } from "../host/exec";
import type { DockerFacts } from "./docker-facts";

/** A finding as a check returns it, without the id and title of the check. `fail` stops the lab, `warn` does not. */
export type Verdict = { status: "ok"; what: string } | ({ status: "warn" | "fail" } & Problem);

/** What checks look at; they change nothing. */
export interface CheckContext {
  env: NodeJS.ProcessEnv;
  exec: Exec;
  stack: string;
  config: LabConfig;
  docker: DockerFacts;
}

/** One property that a machine must have. */
export interface Check {
  id: string;
  /** The expected state, as a statement. */
  title: string;
  /** Whether only a kind cluster on this machine needs it. */
  kindOnly: boolean;
  /** Whether only a cluster that the lab did not make needs it. */
  existingOnly?: true;
  look(context: CheckContext): Promise<Verdict> | Verdict;
}

/** A good finding. */
export function ok(what: string): Verdict {
  return { status: "ok", what };
}

/** The finding about a property of a Docker that does not answer: another check fails for that. */
export const unknownWithoutDocker: Verdict = ok("not known while Docker does not answer");
