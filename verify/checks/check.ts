import type { Layer } from "../../config/vocabulary";
import type { CheckDetail } from "../../experiments/types";
import type { VerifyContext } from "../context";
import type { Evidence, Finding } from "../report/schema";

/** The details of one kind of check. */
export type Detail<K extends CheckDetail["check"]> = Extract<CheckDetail, { check: K }> & { name: string };

/** Makes one kind of check. It throws a PreconditionError when it cannot get as far as an opinion. */
export type CheckRun<K extends CheckDetail["check"]> = (
  context: VerifyContext,
  detail: Detail<K>,
) => Promise<Finding[]>;

/** A check and its manners. */
export interface CheckKind<K extends CheckDetail["check"]> {
  run: CheckRun<K>;
  /** It reads a state that may need a moment to converge: a miss is repeated until the deadline. */
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

/** The good state was seen. */
export const passed = make("pass");
/** Something else was seen. */
export const failed = make("fail");
/** Nothing could be seen. */
export const unclear = make("inconclusive");
/** What was seen is a bug that Istio knows of. */
export const upstream = make("known-upstream");
/** It was not looked at, for a reason. */
export const skipped = make("skipped");

/** A list in words. */
export const listed = (items: readonly string[]): string => (items.length > 0 ? items.join(", ") : "none");
