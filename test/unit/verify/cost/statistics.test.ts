import { describe, expect, test } from "vitest";
import { medianEstimate, quantile, spread } from "../../../../verify/cost/statistics";
import { seededRandom } from "../../../support/random";

describe("statistics of the cost of the mesh", () => {
  test("quantiles are those of R's quantile(), type 7", () => {
    // R: quantile(c(1, 2, 3, 4, 10), c(0.25, 0.5, 0.9)) = 2, 3, 7.6
    const values = [10, 1, 4, 2, 3];
    expect([0.25, 0.5, 0.9].map((share) => quantile(values, share))).toEqual([2, 3, expect.closeTo(7.6)]);
    expect(spread(values)).toBeCloseTo(2 / 3);
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });

  // Conover, Practical Nonparametric Statistics, table of confidence intervals for the median: ranks that hold it with 95 %.
  test.each([
    { count: 6, low: 1, high: 6 },
    { count: 8, low: 1, high: 8 },
    { count: 9, low: 2, high: 8 },
    { count: 12, low: 3, high: 10 },
    { count: 20, low: 6, high: 15 },
  ])("of $count values the ranks $low and $high hold the median", ({ count, low, high }) => {
    const values = Array.from({ length: count }, (_, index) => index + 1).reverse();
    expect(medianEstimate(values, 0.95)).toEqual({ median: (count + 1) / 2, low, high });
  });

  test("five values are too few for 95 %", () => {
    expect(() => medianEstimate([1, 2, 3, 4, 5], 0.95)).toThrow(RangeError);
    expect(() => medianEstimate([], 0.95)).toThrow(RangeError);
  });

  test("the interval holds the true median as often as it claims", () => {
    // A skewed distribution with outliers, as latencies have: exponential, median ln 2.
    const random = seededRandom(20_261_129);
    const runs = 4_000;
    let held = 0;
    for (let run = 0; run < runs; run += 1) {
      const { low, high } = medianEstimate(
        Array.from({ length: 9 }, () => -Math.log(1 - random())),
        0.95,
      );
      if (low <= Math.LN2 && Math.LN2 <= high) held += 1;
    }
    // 96.1 % by calculation; four standard deviations of the share are 1.2 %.
    expect(held / runs).toBeGreaterThan(0.948);
    expect(held / runs).toBeLessThan(0.974);
  });
});
