import { binomialChance } from "../../verify/binomial";
import type { LatencySample, Verdict, VerifyReport } from "../../verify/report/schema";

/** A latency sample with its finding. */
export interface JudgedSample extends LatencySample {
  name: string;
  verdict: Verdict;
  seen: string;
  /** Such as "appa /headers". */
  label: string;
  /** Number of requests that took at least the delay, by the client's clock. */
  slow: number;
}

/** The latency samples of a run, without those that got no answer. */
export function samplesOf({ results }: Pick<VerifyReport, "results">): JudgedSample[] {
  return results
    .flatMap(({ findings }) => findings)
    .flatMap(({ name, verdict, seen, sample }) => {
      if (!sample || sample.milliseconds.length === 0) return [];
      const { from, path, milliseconds, slowFromMs } = sample;
      const slow = milliseconds.filter((ms) => ms >= slowFromMs).length;
      return [{ ...sample, ...{ name, verdict, seen, slow }, label: `${from === "host" ? "gateway" : from} ${path}` }];
    });
}

/** Lowest probability that is drawn. */
const visibleChance = 1e-6;

/** The probability of each number of delayed requests, without those below {@link visibleChance}. */
export function chancesOf(count: number, percent: number): { count: number; chance: number }[] {
  const chanceOf = binomialChance(count, percent / 100);
  const all = Array.from({ length: count + 1 }, (_, k) => ({ count: k, chance: chanceOf(k) }));
  return all.filter(({ chance }) => chance > visibleChance);
}
