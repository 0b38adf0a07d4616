import type { AccessDecision, DecidingLayer } from "../../types";
import type { Backend, Route } from "../routes/http-route";
import type { SeenHttp } from "../rules/seen";
import type { Verdict } from "../rules/verdict";

export const unknown = (because: string): AccessDecision => ({ outcome: "unknown", because });

export const unreachable = (because: string): AccessDecision => ({ outcome: "unreachable", because });

/** A decision with the reason of an earlier layer. */
export const after = (before: string, decision: AccessDecision): AccessDecision =>
  decision.outcome === "allowed" ? { ...decision, because: `${before}, and ${decision.because}` } : decision;

/** The decision of a verdict that ends a request at a layer; undefined when the request continues. */
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

/** The decision of the routes of a proxy about a request. `next` gets no backend when there are no routes. */
export function alongRoutes(
  routes: Route[] | undefined | { readonly unclear: string },
  by: "gateway" | "waypoint",
  next: (backend: Backend | undefined, request: SeenHttp | undefined) => AccessDecision,
): AccessDecision {
  if (routes === undefined) return next(undefined, undefined);
  if ("unclear" in routes) return unknown(routes.unclear);
  for (const { of, matches, action, fault } of routes) {
    if (matches === false) continue;
    if (matches !== true) return unknown(`${of}: ${matches.unclear}`);
    if (action.kind === "redirect") return { outcome: "redirected", by, because: `${of} redirects to ${action.to}` };
    if (action.kind === "unclear") return unknown(action.reason);
    if (action.kind === "answer") return { outcome: "unreachable", by, because: action.because };
    const { abort, delay } = fault ?? {};
    if (abort && abort.percent < 100)
      return unknown(`${of} answers ${abort.percent} % of the requests with ${abort.status} by itself`);
    if (abort) return { outcome: "unreachable", by, because: `${of} answers ${abort.status} by itself` };
    const broken = action.broken === undefined ? [] : [{ outcome: "unreachable" as const, by, because: action.broken }];
    const decision = agreed([...action.backends.map((backend) => next(backend, action.request)), ...broken]);
    return delay ? { ...decision, delay } : decision;
  }
  return { outcome: "no-route", by, because: `no route of the ${by} matches the request` };
}
