import { type Condition, test } from "./condition";

const spiffe = "spiffe://";

/** Names of Envoy's pseudo headers in rules. */
const headers: Readonly<Record<string, string>> = { ":method": "method", ":authority": "host" };

/** A property as the text of its tests names it. */
export const headerName = (name: string): string => headers[name] ?? `header ${name}`;

const matchers = { exact: "is", prefix: "begins with", suffix: "ends with" } as const;

/** A test of a text by one of Envoy's string matchers. */
export const matches = (what: string, how: keyof typeof matchers | "matches", text: string, ignoreCase = false) =>
  test(`${what} ${how === "matches" ? how : matchers[how]} ${plain(what, text)}${ignoreCase ? " in any case" : ""}`);

/** Identities are written without their scheme, as AuthorizationPolicies write them. */
const plain = (what: string, text: string): string =>
  what === "identity" && text.startsWith(spiffe) ? text.slice(spiffe.length) : text;

/** The property is there. */
export const present = (what: string): Condition => test(`${what} is present`);
