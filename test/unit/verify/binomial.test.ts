import { describe, expect, it } from "vitest";
import {
  binomialBand,
  binomialChance,
  judgeShare,
  type ShareTest,
  shareTest,
  shareWords,
} from "../../../verify/binomial";
import { seededRandom } from "../../support/random";

const sum = (low: number, high: number, n: number, p: number) => {
  const chanceOf = binomialChance(n, p);
  let total = 0;
  for (let k = low; k <= high; k += 1) total += chanceOf(k);
  return total;
};

describe("binomialBand()", () => {
  it("computes the band of 100 fair draws", () => {
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

  it.each([
    [0, 0.5, 0.1],
    [10, 1.5, 0.1],
    [10, 0.5, 0],
  ])("refuses %d draws at %f with %f", (count, share, alarm) => {
    expect(() => binomialBand(count, share, alarm)).toThrow(RangeError);
  });
});

const most = ({ looks }: ShareTest): number => looks.at(-1)?.sent ?? 0;

/** One run of a test against a real share: its verdict and the requests it took. */
function run(test: ShareTest, share: number, draw: () => number): { verdict: "pass" | "fail"; sent: number } {
  let hits = 0;
  for (const { sent } of test.looks) {
    for (let n = 0; n < test.batch; n += 1) if (draw() < share) hits += 1;
    const { verdict } = judgeShare(test, sent, hits);
    if (verdict !== "open") return { verdict, sent };
  }
  throw new Error("no verdict at the last look");
}

/** The probability that a test passes at a real share, summed over every way through its looks. */
function chanceOfPass(test: ShareTest, share: number): number {
  const chanceOf = binomialChance(test.batch, share);
  const step = Array.from({ length: test.batch + 1 }, (_, k) => chanceOf(k));
  let open = new Map([[0, 1]]);
  let passed = 0;
  for (const { sent } of test.looks) {
    const next = new Map<number, number>();
    for (const [hits, chance] of open)
      for (const [more, of] of step.entries()) next.set(hits + more, (next.get(hits + more) ?? 0) + chance * of);
    open = new Map();
    for (const [hits, chance] of next) {
      const { verdict } = judgeShare(test, sent, hits);
      if (verdict === "pass") passed += chance;
      if (verdict === "open") open.set(hits, chance);
    }
  }
  return passed;
}

describe("shareTest()", () => {
  const falseAlarm = 5e-4;
  const tests = Array.from({ length: 101 }, (_, percent) => shareTest(percent, falseAlarm));

  it("has for every percent a test of at most 1100 requests", () => {
    for (const test of tests) expect(most(test)).toBeLessThan(1_100);
  });

  it("refuses a percentage that no sample of a reasonable size distinguishes from 0 %", () => {
    expect(() => shareTest(0.1, falseAlarm)).toThrow(
      "No sample of 3000 requests distinguishes 0.1 % from 0 % and 10.1 %",
    );
    expect(() => shareTest(101, falseAlarm)).toThrow(RangeError);
  });

  it("describes its claim as text", () => {
    expect([0, 3, 50, 97, 100].map((percent) => shareWords(shareTest(percent, falseAlarm)))).toEqual([
      "0 %, distinguished from 10 %",
      "3 %, distinguished from 0 % and 13 %",
      "50 %, distinguished from 40 % and 60 %",
      "97 %, distinguished from 87 % and 100 %",
      "100 %, distinguished from 90 %",
    ]);
  });

  it("passes neither 0 % nor 100 % as a share between them, at any look", () => {
    for (const test of tests.slice(1, -1)) {
      for (const { sent } of test.looks) {
        expect(judgeShare(test, sent, 0).verdict).not.toBe("pass");
        expect(judgeShare(test, sent, sent).verdict).not.toBe("pass");
      }
      expect(judgeShare(test, most(test), 0).verdict).toBe("fail");
      expect(judgeShare(test, most(test), most(test)).verdict).toBe("fail");
    }
  });

  it("has a verdict for every count at the last look", () => {
    for (const test of tests) {
      for (let hits = 0; hits <= most(test); hits += 1)
        expect(judgeShare(test, most(test), hits).verdict).not.toBe("open");
    }
  });

  it.each([0, 1, 2, 4, 10, 20, 50, 70, 97, 99, 100])(
    "errs at %i percent no more often than it claims, by the exact sum",
    (percent) => {
      const test = shareTest(percent, falseAlarm);
      expect(1 - chanceOfPass(test, percent / 100)).toBeLessThanOrEqual(falseAlarm);
      for (const other of test.others) expect(chanceOfPass(test, other / 100)).toBeLessThanOrEqual(0.01);
    },
  );

  it.each([
    [50, 40],
    [50, 60],
    [3, 0],
    [97, 100],
    [20, 30],
  ])("distinguishes %i from %i percent in 990 of 1000 simulated runs", (percent, other) => {
    const test = shareTest(percent, falseAlarm);
    const draw = seededRandom(percent * 1000 + other);
    const runs = (share: number) => Array.from({ length: 1_000 }, () => run(test, share / 100, draw));
    const [right, wrong] = [runs(percent), runs(other)];
    expect(right.filter(({ verdict }) => verdict === "fail").length).toBeLessThanOrEqual(3);
    expect(wrong.filter(({ verdict }) => verdict === "pass").length).toBeLessThanOrEqual(10);
  });

  it("ends a clear case after the first batch, and the usual one long before the last", () => {
    const test = shareTest(50, falseAlarm);
    const draw = seededRandom(1);
    const mean = (share: number) => {
      const sent = Array.from({ length: 300 }, () => run(test, share, draw).sent);
      return sent.reduce((sum, each) => sum + each, 0) / sent.length;
    };
    for (const clear of [0, 0.2, 0.3, 0.7, 1]) expect(mean(clear)).toBe(test.batch);
    expect(mean(0.5)).toBeLessThan(most(test) / 2);
  });
});
