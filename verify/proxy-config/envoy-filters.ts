import { z } from "zod";
import { at, numberAt, textAt } from "../json";

/** Envoy's name of the filter that delays and aborts requests. */
export const faultFilter = "envoy.filters.http.fault";

export const faultSchema = z.object({ delayMs: z.number(), percent: z.number() });

/** A delay that a route injects. */
export type Fault = z.infer<typeof faultSchema>;

export const abortSchema = z.object({ status: z.number(), percent: z.number() });

/** An answer that a route gives instead of the application. */
export type Abort = z.infer<typeof abortSchema>;

/** The abort of a route; nothing when it injects none. */
export function abortOf(route: unknown): Abort | undefined {
  const abort = at(route, "typedPerFilterConfig", faultFilter, "abort");
  const status = numberAt(abort, "httpStatus");
  return status === undefined ? undefined : { status, percent: percentOf(at(abort, "percentage")) };
}

/** The delay of a route; nothing when it injects none. */
export function faultOf(route: unknown): Fault | undefined {
  const delay = at(route, "typedPerFilterConfig", faultFilter, "delay");
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(textAt(delay, "fixedDelay") ?? "")?.[1];
  if (seconds === undefined) return undefined;
  return { delayMs: Math.round(Number(seconds) * 1000), percent: percentOf(at(delay, "percentage")) };
}

/** A share of requests in percent (envoy/type/v3/percent.proto). */
export function percentOf(fraction: unknown): number {
  const parts = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };
  const denominator = textAt(fraction, "denominator");
  const per = denominator === "MILLION" || denominator === "TEN_THOUSAND" ? parts[denominator] : parts.HUNDRED;
  return ((numberAt(fraction, "numerator") ?? 0) / per) * 100;
}
