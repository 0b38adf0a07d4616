import type { NamespacedName } from "../../types";
import type { SeenHttp } from "../rules/seen";
import type { Truth } from "../rules/truth";

/** A destination of a route that can be sent to. */
export interface Backend {
  service: NamespacedName;
  port?: number;
  /** Name of a DestinationRule's subset of the Service. */
  subset?: string;
}

/** What a route does with a request. */
export type RouteAction =
  | { kind: "redirect"; to: string }
  /** `broken` backends are answered by the proxy itself, with an error. */
  | { kind: "send"; backends: readonly Backend[]; broken?: string; request: SeenHttp }
  /** The proxy answers by itself. */
  | { kind: "answer"; because: string }
  | { kind: "unclear"; reason: string };

/** A fault that a route injects before it sends. */
export interface Fault {
  delay?: { ms: number; percent: number };
  abort?: { status: number; percent: number };
}

/** One match of a route, in the order of the proxy. */
export interface Route {
  /** The object that it comes from, such as "HTTPRoute default/appb". */
  of: string;
  matches: Truth;
  action: RouteAction;
  fault?: Fault;
}
