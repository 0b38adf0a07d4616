import { binomialChance } from "../binomial";

/** A median, and the interval that contains the median of the population with at least the given confidence. */
export interface Estimate {
  median: number;
  low: number;
  high: number;
}

/** The sum of the values; 0 without values. */
export const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0);

/** The quantile of values, interpolated linearly (Hyndman and Fan, type 7). */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError("Cannot take a quantile of no values");
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const [low = 0, high = low] = [sorted[below], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - below);
}

/** Interquartile range in units of the median. */
export const spread = (values: readonly number[]): number =>
  (quantile(values, 0.75) - quantile(values, 0.25)) / quantile(values, 0.5);

/**
 * The median of the values, with a distribution-free confidence interval between two of them (order statistics): it assumes nothing
 * about the distribution, so that one round that other processes disturb does not change it.
 *
 * @param confidence minimum probability that the interval contains the true median, such as 0.95
 * @throws RangeError when there are too few values for the confidence: for 0.95 six are needed
 */
export function medianEstimate(values: readonly number[], confidence: number): Estimate {
  const sorted = [...values].sort((a, b) => a - b);
  const chance = binomialChance(sorted.length, 0.5);
  // With `cut` values below the interval and as many above it, the interval misses the median when at most `cut` values are on one side.
  let missed = 2 * chance(0);
  if (sorted.length === 0 || missed > 1 - confidence)
    throw new RangeError(`Cannot estimate a median from ${sorted.length} values with confidence ${confidence}`);
  let cut = 0;
  while (missed + 2 * chance(cut + 1) <= 1 - confidence) {
    cut += 1;
    missed += 2 * chance(cut);
  }
  return {
    median: quantile(sorted, 0.5),
    low: sorted[cut] ?? Number.NaN,
    high: sorted[sorted.length - 1 - cut] ?? Number.NaN,
  };
}
