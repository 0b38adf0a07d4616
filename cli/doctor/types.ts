import type { LabConfig } from "../../config/schema";
import type { Problem } from "../../host/errors";
import type { Io } from "../terminal/io";
import type { DockerFacts } from "./docker-facts";

/** What doctor found about one property of the machine. `fail` stops `up`, `warn` does not. */
export type Finding = { id: string; title: string } & (
  | ({ status: "ok"; what: string } & Partial<Problem>)
  | ({ status: "warn" | "fail" } & Problem)
);

/** A finding as a check returns it, without the id and title of the check. */
export type Verdict = { status: "ok"; what: string } | ({ status: "warn" | "fail" } & Problem);

/** What checks look at; they change nothing. */
export interface DoctorContext {
  io: Pick<Io, "env" | "exec">;
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
  look(context: DoctorContext): Promise<Verdict> | Verdict;
}

/** A good finding. */
export function ok(what: string): Verdict {
  return { status: "ok", what };
}
