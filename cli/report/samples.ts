import { durationMs } from "../../config/vocabulary";
import { experiments } from "../../experiments";
import type { CheckDetail } from "../../experiments/types";
import { type Band, binomialBand, chanceOf } from "../../verify/binomial";
import { labFactsSchema } from "../../verify/lab-facts";
import type { Finding, Verdict, VerifyReport } from "../../verify/report/schema";
import { linesOf } from "./requests";

/** The latencies of one sample, and what they should be. */
export interface LatencySample {
  name: string;
  verdict: Verdict;
  /** What the verifier saw, in its own words. */
  seen: string;
  /** Such as "appa /headers". */
  label: string;
  milliseconds: readonly number[];
  delayMs: number;
  /** Requests that took at least the delay, by the client's clock. */
  slow: number;
  /** Absent for a control sample, in which nothing may be slow. */
  share?: { percent: number; band: Band; chances: readonly { count: number; chance: number }[] };
}

/** Clocks round; the verifier draws the line at the same place. */
export const slack = 0.95;
/** Chances below this are not drawn. */
const visible = 1e-6;

/** The samples of a run; what was asked for comes from the experiments themselves. */
export function samplesOf({ results, settings }: VerifyReport): LatencySample[] {
  const parsed = labFactsSchema.shape.settings.safeParse(settings);
  if (!parsed.success) return [];
  const asked = new Map(experiments.flatMap((each) => each.steps(parsed.data)).map((step) => [step.name, step]));
  return results
    .flatMap(({ findings }) => findings)
    .flatMap((finding) => {
      const step = asked.get(finding.name);
      if (step?.kind !== "check" || (step.check !== "share" && step.check !== "never-slow")) return [];
      return sampleOf(finding, step) ?? [];
    });
}

function sampleOf(
  finding: Finding,
  step: Extract<CheckDetail, { check: "share" | "never-slow" }>,
): LatencySample | undefined {
  const line = linesOf(finding, "client").find((text) => text.startsWith("milliseconds: "));
  const milliseconds = (line ?? "").split(" ").slice(1).map(Number).filter(Number.isFinite);
  if (milliseconds.length === 0) return undefined;
  const { name, verdict, seen } = finding;
  const delayMs = durationMs(step.delay);
  const { from, path } = step.sample;
  return {
    ...{ name, verdict, seen, milliseconds, delayMs },
    label: `${from === "host" ? "gateway" : from} ${path}`,
    slow: milliseconds.filter((ms) => ms >= delayMs * slack).length,
    ...(step.check === "share" ? { share: shareOf(step.sample.count, step.percent, step.falseAlarm) } : {}),
  };
}

function shareOf(count: number, percent: number, falseAlarm: number): NonNullable<LatencySample["share"]> {
  const chances = Array.from({ length: count + 1 }, (_, k) => ({
    count: k,
    chance: chanceOf(k, count, percent / 100),
  })).filter(({ chance }) => chance > visible);
  return { percent, band: binomialBand(count, percent / 100, falseAlarm), chances };
}
