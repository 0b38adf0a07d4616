import type { Layer } from "../experiments/types";

/** What came out: `pass` is the only good news; a check that could not be made is never a pass. */
export type Verdict = "pass" | "fail" | "inconclusive" | "skipped" | "known-upstream";

/** Who decided about a request, as far as records tell. */
export interface Decision {
  layer: Layer | "unknown";
  action: "answered" | "refused" | "redirected" | "reset" | "failed";
  /** The policy that decided, such as "AuthorizationPolicy/appb-l7". */
  policy?: string;
  /** The record's own words, or what speaks for it without a record. */
  because: string;
  /** The log line that says so. */
  line?: string;
}

/** A record that was looked at, kept for the reader and the evidence folder. */
export interface Evidence {
  /** Where it is from, such as "waypoint access log" or "ztunnel metrics". */
  source: string;
  lines: readonly string[];
}

/** The outcome of one step. */
export interface Finding {
  /** The good state as a fact. */
  name: string;
  verdict: Verdict;
  /** The layer that decided, or that is to blame. */
  layer: Layer;
  /** What was seen, in one sentence. */
  seen: string;
  /** What was expected instead, unless it passed. */
  expected?: string;
  decision?: Decision;
  evidence: readonly Evidence[];
}

/** Something in the cluster that differs from the stack (`drift`) or is not well (`health`). */
export interface Cause {
  kind: "drift" | "health";
  layer: Layer;
  /** Such as "AuthorizationPolicy/appb-l7". */
  object: string;
  what: string;
  fix: string;
}

/** The outcome of one experiment. */
export interface ExperimentResult {
  id: string;
  title: string;
  verdict: Verdict;
  /** The layer to look at; absent when it passed or was skipped. */
  layer?: Layer;
  /** Why it was skipped. */
  reason?: string;
  /** Drift and ill health that explain a failure, the most basic first. */
  causes: readonly Cause[];
  findings: readonly Finding[];
  durationMs: number;
}

/** A whole run; `schema` grows when a field changes its meaning. */
export interface VerifyReport {
  schema: "ambient-lab.verify/v1";
  stack: string;
  cluster: string;
  startedAt: string;
  durationMs: number;
  verdict: Exclude<Verdict, "skipped" | "known-upstream">;
  versions: Readonly<Record<string, string>>;
  settings: object;
  results: readonly ExperimentResult[];
  /** Differences between the stack's outputs and the cluster; no failure of the mesh. */
  drift: readonly Cause[];
  /** What is not well, whether or not an experiment fell over it. */
  health: readonly Cause[];
  /** Things to know about the run itself, such as a policy restored from an earlier run. */
  notes: readonly string[];
}

const severity: Record<Verdict, number> = { fail: 4, inconclusive: 3, "known-upstream": 2, pass: 1, skipped: 0 };

/** The verdict that weighs most: fail, inconclusive, known-upstream, pass, skipped. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce<Verdict>((a, b) => (severity[b] > severity[a] ? b : a), "skipped");
}

/** The run's verdict: known upstream bugs and skips do not count, an empty run proves nothing. */
export function overall(results: readonly ExperimentResult[], causes: readonly Cause[]): VerifyReport["verdict"] {
  const verdicts = results.map(({ verdict }) => verdict);
  if (verdicts.includes("fail")) return "fail";
  if (verdicts.includes("inconclusive") || !verdicts.includes("pass")) return "inconclusive";
  // Something is not as the stack says, and no experiment noticed: that is no proof of a sound lab.
  return causes.length > 0 ? "inconclusive" : "pass";
}
