import { describe, expect, it } from "vitest";
import { binomialBand, chanceOf } from "../../../verify/binomial";

const sum = (low: number, high: number, n: number, p: number) => {
  let total = 0;
  for (let k = low; k <= high; k += 1) total += chanceOf(k, n, p);
  return total;
};

describe("binomialBand()", () => {
  it("knows the band of 100 fair draws", () => {
    // Tables of the binomial distribution: P(X <= 33) = 0.00044, P(X <= 34) = 0.00089.
    expect(binomialBand(100, 0.5, 1e-3)).toEqual({ low: 34, high: 66 });
  });

  it("is exact at both ends of the scale", () => {
    expect(binomialBand(200, 0, 1e-3)).toEqual({ low: 0, high: 0 });
    expect(binomialBand(200, 1, 1e-3)).toEqual({ low: 200, high: 200 });
  });

  it.each([0.01, 0.1, 0.3, 0.5, 0.77, 0.99])(
    "calls a healthy share of %f broken in at most 1 of 1000 runs",
    (share) => {
      const { low, high } = binomialBand(200, share, 1e-3);
      expect(1 - sum(low, high, 200, share)).toBeLessThanOrEqual(1e-3);
      // As tight as can be: a band that is narrower by one on a side would cry wolf too often there.
      if (low > 0) expect(sum(0, low, 200, share)).toBeGreaterThan(5e-4);
      if (high < 200) expect(sum(high, 200, 200, share)).toBeGreaterThan(5e-4);
    },
  );

  it("tells 30 % from 50 % in 99 of 100 runs of 200", () => {
    const { low } = binomialBand(200, 0.5, 5e-4);
    expect(sum(low, 200, 200, 0.3)).toBeLessThan(0.01);
  });

  it.each([
    [0, 0.5, 0.1],
    [10, 1.5, 0.1],
    [10, 0.5, 0],
  ])("refuses %d draws at %f with %f", (count, share, alarm) => {
    expect(() => binomialBand(count, share, alarm)).toThrow(RangeError);
  });
});
