import type { LabConfig } from "../config/schema";
import type { Problem } from "../host/errors";
import type { Exec } from "../host/exec";
import type { DockerFacts } from "./docker-facts";

/** Result of a check. `fail` stops the lab, `warn` does not. */
export type Verdict = { status: "ok"; what: string } | ({ status: "warn" | "fail" } & Problem);

/** Input of a check. Checks change nothing. */
export interface CheckContext {
  env: NodeJS.ProcessEnv;
  exec: Exec;
  stack: string;
  config: LabConfig;
  docker: DockerFacts;
}

/** A check of one property of the machine. */
export interface Check {
  id: string;
  /** The expected state, as a statement. */
  title: string;
  /** Whether the check applies only to a kind cluster on this machine. */
  kindOnly: boolean;
  /** Whether the check applies only to an existing cluster. */
  existingOnly?: true;
  look(context: CheckContext): Promise<Verdict> | Verdict;
}

/** The result of a check that passed. */
export const ok = (what: string): Verdict => ({ status: "ok", what });

/** The result of a check of Docker while Docker does not answer: the check "docker" fails then. */
export const unknownWithoutDocker: Verdict = ok("not known while Docker does not answer");
