import type { Layer } from "../../config/vocabulary";
import type { CheckDetail } from "../../experiments/types";
import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import { PreconditionError } from "../precondition-error";
import type { Evidence, Finding } from "../report/schema";

/** The details of one kind of check. */
export type Detail<K extends CheckDetail["check"]> = Extract<CheckDetail, { check: K }> & { name: string };

/** Runs a check of one kind. @throws PreconditionError when the check cannot run */
export type CheckRun<K extends CheckDetail["check"]> = (
  context: VerifyContext,
  detail: Detail<K>,
) => Promise<Finding[]>;

/** A kind of check. */
export interface CheckKind<K extends CheckDetail["check"]> {
  run: CheckRun<K>;
  /** Whether the check reads a state that needs time to converge: the check is then repeated until it passes, or until the deadline. */
  settles: boolean;
}

const make =
  (verdict: Finding["verdict"]) =>
  (
    name: string,
    layer: Layer,
    seen: string,
    more: { expected?: string; evidence?: readonly Evidence[] } = {},
  ): Finding => ({
    name,
    verdict,
    layer,
    seen,
    ...(more.expected === undefined ? {} : { expected: more.expected }),
    evidence: more.evidence ?? [],
  });

/** The expected state was seen. */
export const passed = make("pass");
/** Another state was seen. */
export const failed = make("fail");
/** The state could not be observed. */
export const unclear = make("inconclusive");
/** A known bug of Istio explains what was seen. */
export const upstream = make("known-upstream");
/** The check was skipped, for the reason in `seen`. */
export const skipped = make("skipped");

/** The finding about an error that ended a check. An unexpected error proves nothing about the mesh, so the finding is inconclusive. */
export function unexpected(name: string, error: unknown): Finding {
  const known = error instanceof PreconditionError ? error : undefined;
  return make(known?.verdict ?? "inconclusive")(name, known?.layer ?? "api-server", messageOf(error));
}

/** A list as text. */
export const listed = (items: readonly string[]): string => (items.length > 0 ? items.join(", ") : "none");
