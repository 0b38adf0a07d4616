import { serviceHost } from "../../../../config/vocabulary";
import { hostOf, services } from "../../../../experiments/names";
import type { ServiceName } from "../../../../experiments/slices";
import { at, listAt, numberAt, textAt } from "../../../../verify/json";
import type { FakeRequest } from "./request";
import { routeOf } from "./routes";
import type { FakeState } from "./state";

/** What a route of the waypoint does to its requests. */
export interface FakeRoute {
  delayMs: number;
  percent: number;
  abort?: number;
  timeoutMs?: number;
  /** Attempts beside the first one, where the application fails. */
  retries: number;
}

const milliseconds = (text = "0s"): number => Number.parseFloat(text) * (text.endsWith("ms") ? 1 : 1000);

/** The route that the waypoint takes for a path of a Service; nothing when none matches. */
export function routeFor(state: FakeState, service: string, path: string): FakeRoute | undefined {
  const own = state.toldAll("VirtualService").find((item) => textAt(item, "spec", "hosts", 0) === service);
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

/** How long an HTTPRoute of a Service lets an answer take, in milliseconds; 0 when it does not say. */
export const routeTimeout = (state: FakeState, service: string): number =>
  milliseconds(textAt(routeOf(state, service), "spec", "rules", 0, "timeouts", "request"));

/** How httpbin answers a path: its status, and how long it takes. */
export function appAnswers({ path }: FakeRequest): { status: number; ms: number } {
  const seconds = Number(/^\/delay\/(\d+)/.exec(path)?.[1] ?? 0);
  return { status: /^\/unstable\?failure_rate=1&/.test(path) ? 500 : 200, ms: seconds * 1000 + 6 };
}

/** Filters that EnvoyFilters put in front of all others, or in front of RBAC. */
export const insertedFirst = (state: FakeState): unknown[] =>
  state
    .toldAll("EnvoyFilter")
    .flatMap((filter) => listAt(filter, "spec", "configPatches"))
    .filter(
      (patch) =>
        textAt(patch, "patch", "operation") === "INSERT_FIRST" ||
        textAt(patch, "match", "listener", "filterChain", "filter", "subFilter", "name") === "envoy.filters.http.rbac",
    )
    .map((patch) => at(patch, "patch", "value"));

/** DNS name of a Service; no experiment names those of a route's versions. */
export const serviceName = (service: string): string =>
  service in services ? hostOf(service as ServiceName) : serviceHost(service);

/** The bucket of tokens that an EnvoyFilter puts into the chain of a Service; undefined where there is none. */
export function rateLimitOf(state: FakeState, service: string): unknown {
  const patches = state.toldAll("EnvoyFilter").flatMap((filter) => listAt(filter, "spec", "configPatches"));
  const chain = `inbound-vip|8000|http|${serviceName(service)}`;
  const own = patches.find((patch) => textAt(patch, "match", "listener", "filterChain", "name") === chain);
  return at(own, "patch", "value", "typed_config", "token_bucket");
}

/** Envoy's bucket of tokens: full at first, some more each second. */
export class FakeBucket {
  #tokens = Number.NaN;
  #filledAt = 0;

  /** Takes a token for a request to a Service; false when there is none. */
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
