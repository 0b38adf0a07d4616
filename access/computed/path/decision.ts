import type { AccessDecision, DecidingLayer } from "../../types";
import type { Verdict } from "../rules/verdict";

export const unknown = (because: string): AccessDecision => ({ outcome: "unknown", because });

export const unreachable = (because: string): AccessDecision => ({ outcome: "unreachable", because });

/** A decision with what an earlier layer said. */
export const after = (before: string, decision: AccessDecision): AccessDecision =>
  decision.outcome === "allowed" ? { ...decision, because: `${before}, and ${decision.because}` } : decision;

/** How a verdict ends a request at a layer; undefined when the request goes on. */
export function endedBy(verdict: Verdict, by: DecidingLayer): AccessDecision | undefined {
  if (verdict.is === "passed") return undefined;
  if (verdict.is === "unknown") return unknown(verdict.because);
  const { policy, because } = verdict;
  return { outcome: "denied", by, ...(policy === undefined ? {} : { policy }), because };
}

/** The one decision of several destinations that a request may get to; unknown when they differ. */
export function agreed(decisions: readonly AccessDecision[]): AccessDecision {
  const [first, ...rest] = decisions;
  if (!first) return { outcome: "unreachable", because: "there is no endpoint" };
  const doubt = decisions.find(({ outcome }) => outcome === "unknown");
  if (doubt) return doubt;
  const other = rest.find(({ outcome, by }) => outcome !== first.outcome || by !== first.by);
  if (other)
    return unknown(
      `it depends on the endpoint: ${ending(first)} (${first.because}), or ${ending(other)} (${other.because})`,
    );
  const { policy, ...bare } = first;
  return policy === undefined || rest.every((each) => each.policy === policy) ? first : bare;
}

const ending = ({ outcome, by }: AccessDecision): string => (by === undefined ? outcome : `${outcome} by ${by}`);
