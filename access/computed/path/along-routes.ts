import type { AccessDecision } from "../../types";
import type { Backend, Route } from "../routes/route-types";
import type { SeenHttp } from "../rules/seen";
import { agreed, unknown } from "./decision";

/** What the routes of a proxy make of a request; without routes it goes to `own`. */
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
