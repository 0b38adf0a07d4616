/** Counts that are plausible for a share: both ends included. */
export interface Band {
  low: number;
  high: number;
}

/** The smallest difference of shares that a test detects, in percentage points. */
const points = 10;
/** Probability that a sample passes although its share is one of the alternatives. */
const missed = 0.01;
/** Number of looks of a sequential test. */
const maxLooks = 3;
/** Maximum number of requests of a test with a single look. */
const singleLook = 100;
/** Maximum number of requests of a test; the largest, of 1 %, needs less than a thousand. */
const largest = 3_000;

/** The judgement of counts after a number of requests. */
interface Look {
  sent: number;
  /** Counts that are plausible for the claimed share: any other count fails. */
  claimed: Band;
  /** Counts that are plausible for none of the alternatives: these pass. */
  decisive: Band;
}

/** A group-sequential test of a share: the sample is judged after each batch, until there is a verdict. */
export interface ShareTest {
  /** The claimed share, in percent. */
  percent: number;
  /** The alternatives in percent, which the test rules out: the nearest shares below and above. */
  others: readonly number[];
  /** Requests of a batch. */
  batch: number;
  /** A look after each batch. At the last one every count has a verdict. */
  looks: readonly Look[];
}

/**
 * Plans the smallest test of a share against the alternatives ten points below and above it, limited to 0 % and 100 %. The error
 * probabilities are divided among the looks (Bonferroni), so that they hold for the whole test.
 *
 * @param percent the claimed share, 0 to 100
 * @param falseAlarm probability that a sample of the claimed share fails
 * @throws RangeError for another percentage, and when no sample of 3000 requests rules out the alternatives
 */
export function shareTest(percent: number, falseAlarm: number): ShareTest {
  if (!(percent >= 0 && percent <= 100)) throw new RangeError(`Cannot take ${percent} % as a share`);
  const others = [Math.max(0, percent - points), Math.min(100, percent + points)].filter((other) => other !== percent);
  const planned = (count: number, most: number): ShareTest | undefined => {
    const look = (sent: number): Look => ({
      sent,
      claimed: binomialBand(sent, percent / 100, falseAlarm / count),
      decisive: decisiveBand(percent, others, sent, missed / count),
    });
    for (let batch = 1; batch * count <= most; batch += 1) {
      const { claimed, decisive } = look(batch * count);
      if (claimed.low < decisive.low || claimed.high > decisive.high) continue;
      const looks = Array.from({ length: count }, (_, index) => look(batch * (index + 1)));
      return { percent, others, batch, looks };
    }
    return undefined;
  };
  const test = planned(1, singleLook) ?? planned(maxLooks, largest);
  if (test) return test;
  throw new RangeError(`No sample of ${largest} requests distinguishes ${percent} % from ${others.join(" % and ")} %`);
}

/**
 * Judges the number of hits in a sample; `open` requests another batch. The band has the plausible counts of the claimed share.
 * @throws RangeError for a number of requests without a look
 */
export function judgeShare(
  { looks }: ShareTest,
  sent: number,
  hits: number,
): { verdict: "pass" | "fail" | "open"; band: Band } {
  const look = looks.find((each) => each.sent === sent);
  if (!look) throw new RangeError(`No look after ${sent} requests`);
  const { claimed, decisive } = look;
  const within = ({ low, high }: Band) => hits >= low && hits <= high;
  return { verdict: !within(claimed) ? "fail" : within(decisive) ? "pass" : "open", band: claimed };
}

/** The claim as text, such as "50 %, distinguished from 40 % and 60 %". */
export const shareWords = ({ percent, others }: Pick<ShareTest, "percent" | "others">): string =>
  [
    `${percent} %`,
    ...(others.length > 0 ? [`distinguished from ${others.map((other) => `${other} %`).join(" and ")}`] : []),
  ].join(", ");

/** Counts that are plausible for none of the alternatives. Only the tail of each band towards the claimed share counts. */
function decisiveBand(percent: number, others: readonly number[], sent: number, chance: number): Band {
  const bands = others.map((other) => ({ other, ...binomialBand(sent, other / 100, 2 * chance) }));
  const [below, above] = [bands.find(({ other }) => other < percent), bands.find(({ other }) => other > percent)];
  return { low: below ? below.high + 1 : 0, high: above ? above.low - 1 : sent };
}

/**
 * The exact band of a binomial count: outside of it on either side lies at most half of `falseAlarm`.
 * @throws RangeError when an argument is out of its range
 */
export function binomialBand(count: number, share: number, falseAlarm: number): Band {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`Cannot sample ${count} requests`);
  if (!(share >= 0 && share <= 1)) throw new RangeError(`Cannot take ${share} as a share: it must be within 0 and 1`);
  if (!(falseAlarm > 0 && falseAlarm < 1)) throw new RangeError(`Cannot take ${falseAlarm} as a chance of false alarm`);
  return {
    low: firstWithin(count, share, falseAlarm / 2),
    high: count - firstWithin(count, 1 - share, falseAlarm / 2),
  };
}

/** The chances of exactly `k` hits in `count` independent draws, as a function of `k`. */
export function binomialChance(count: number, share: number): (k: number) => number {
  if (share === 0 || share === 1) return (k) => (k === share * count ? 1 : 0);
  const [hit, miss, all] = [Math.log(share), Math.log1p(-share), logFactorial(count)];
  return (k) => Math.exp(all - logFactorial(k) - logFactorial(count - k) + k * hit + (count - k) * miss);
}

/** The first count at which the lower tail, including it, exceeds the allowed probability. */
function firstWithin(count: number, share: number, allowed: number): number {
  const chanceOf = binomialChance(count, share);
  let tail = 0;
  for (let k = 0; k < count; k += 1) {
    tail += chanceOf(k);
    if (tail > allowed) return k;
  }
  return count;
}

const logFactorials = [0];

function logFactorial(n: number): number {
  for (let k = logFactorials.length; k <= n; k += 1) logFactorials.push((logFactorials[k - 1] ?? 0) + Math.log(k));
  return logFactorials[n] ?? 0;
}
