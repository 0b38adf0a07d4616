import { serviceHost } from "../../../../config/vocabulary";
import { hostOf, services } from "../../../../experiments/names";
import type { ServiceName } from "../../../../experiments/slices";
import { at, listAt, numberAt, textAt } from "../../../../verify/json";
import type { FakeRequest } from "./request";
import { routeOf } from "./routes";
import type { FakeState } from "./state";

/** The effects of a waypoint's route on requests. */
export interface FakeRoute {
  delayMs: number;
  percent: number;
  abort?: number;
  timeoutMs?: number;
  /** Number of retries when the application fails. */
  retries: number;
}

const milliseconds = (text = "0s"): number => Number.parseFloat(text) * (text.endsWith("ms") ? 1 : 1000);

/** The route of the waypoint for a path of a Service; undefined when none matches. */
export function routeFor(state: FakeState, service: string, path: string): FakeRoute | undefined {
  const own = state.pushedAll("VirtualService").find((item) => textAt(item, "spec", "hosts", 0) === service);
  if (!own) return { delayMs: 0, percent: 0, retries: 0, timeoutMs: routeTimeout(state, service) };
  const route = listAt(own, "spec", "http").find((item) => {
    const prefix = textAt(item, "match", 0, "uri", "prefix");
    return prefix === undefined || path.startsWith(prefix);
  });
  if (!route) return undefined;
  const delay = at(route, "fault", "delay");
  const abort = numberAt(route, "fault", "abort", "httpStatus");
  const timeoutMs = milliseconds(textAt(route, "timeout"));
  return {
    delayMs: milliseconds(textAt(delay, "fixedDelay")),
    percent: numberAt(delay, "percentage", "value") ?? 0,
    ...(abort ? { abort } : {}),
    ...(timeoutMs > 0 ? { timeoutMs } : {}),
    retries: numberAt(route, "retries", "attempts") ?? 0,
  };
}

/** The request timeout of a Service's HTTPRoute in milliseconds; 0 without one. */
export const routeTimeout = (state: FakeState, service: string): number =>
  milliseconds(textAt(routeOf(state, service), "spec", "rules", 0, "timeouts", "request"));

/** Status and duration of httpbin's answer for a path. */
export function appAnswers({ path }: FakeRequest): { status: number; ms: number } {
  const seconds = Number(/^\/delay\/(\d+)/.exec(path)?.[1] ?? 0);
  return { status: /^\/unstable\?failure_rate=1&/.test(path) ? 500 : 200, ms: seconds * 1000 + 6 };
}

/** Filters that EnvoyFilters insert before all other filters, or before RBAC. */
export const insertedFirst = (state: FakeState): unknown[] =>
  state
    .pushedAll("EnvoyFilter")
    .flatMap((filter) => listAt(filter, "spec", "configPatches"))
    .filter(
      (patch) =>
        textAt(patch, "patch", "operation") === "INSERT_FIRST" ||
        textAt(patch, "match", "listener", "filterChain", "filter", "subFilter", "name") === "envoy.filters.http.rbac",
    )
    .map((patch) => at(patch, "patch", "value"));

/** DNS name of a Service; the Services of versions are not in the tables of the experiments. */
export const serviceName = (service: string): string =>
  service in services ? hostOf(service as ServiceName) : serviceHost(service);

/** The token bucket that an EnvoyFilter adds to the chain of a Service; undefined without one. */
export function rateLimitOf(state: FakeState, service: string): unknown {
  const patches = state.pushedAll("EnvoyFilter").flatMap((filter) => listAt(filter, "spec", "configPatches"));
  const chain = `inbound-vip|8000|http|${serviceName(service)}`;
  const own = patches.find((patch) => textAt(patch, "match", "listener", "filterChain", "name") === chain);
  return at(own, "patch", "value", "typed_config", "token_bucket");
}

/** Envoy's token bucket: full at the start, and refilled each second. */
export class FakeBucket {
  #tokens = Number.NaN;
  #filledAt = 0;

  /** Takes a token for a request to a Service; false when the bucket is empty. */
  take(state: FakeState, service: string): boolean {
    const filter = rateLimitOf(state, service);
    if (!filter) return true;
    const most = numberAt(filter, "max_tokens") ?? 0;
    const now = Math.floor(state.clock.now() / 1000);
    if (Number.isNaN(this.#tokens)) this.#tokens = most;
    else
      this.#tokens = Math.min(most, this.#tokens + (now - this.#filledAt) * (numberAt(filter, "tokens_per_fill") ?? 0));
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
