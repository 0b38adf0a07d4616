/** Counts that are plausible for a share: both ends included. */
export interface Band {
  low: number;
  high: number;
}

/** The smallest difference that a share test claims to see, in percentage points. */
const points = 10;
/** Probability that a sample passes although its share is one of those that are told from the claimed one. */
const missed = 0.01;
/** How often a sample is judged, unless it is so small that parts of it decide nothing. */
const looksAtMost = 3;
const undivided = 100;
/** Requests that no test exceeds; that of 1 %, the largest, needs less than a thousand. */
const largest = 3_000;

/** What the counts after so many requests mean. */
interface Look {
  sent: number;
  /** The counts that the claimed share explains: any other is a fail. */
  claimed: Band;
  /** The counts that no other share explains: these pass, when the claimed one explains them. */
  told: Band;
}

/** A group-sequential test of a share: the sample is judged after each batch, until there is a verdict. */
export interface ShareTest {
  /** The claimed share, in percent. */
  percent: number;
  /** The shares that it is told from, in percent: the nearest below it and above it. */
  others: readonly number[];
  /** Requests of a batch. */
  batch: number;
  /** A look after each batch. At the last one every count has a verdict. */
  looks: readonly Look[];
}

/**
 * Plans the smallest test that tells a share from those that are ten points off. 0 % and 100 % are told from it although
 * they may be nearer, so that a count of none, or of all, proves no share between them. The probabilities of error are
 * divided among the looks (Bonferroni), so that they hold for the test as a whole.
 *
 * @param percent the claimed share, 0 to 100
 * @param falseAlarm probability that a sample of the claimed share fails
 * @throws RangeError for another percent, and for one that is so near to 0 or 100 that no sample of 3000 requests tells it
 */
export function shareTest(percent: number, falseAlarm: number): ShareTest {
  if (!(percent >= 0 && percent <= 100)) throw new RangeError(`Cannot take ${percent} % as a share`);
  const others = [Math.max(0, percent - points), Math.min(100, percent + points)].filter((other) => other !== percent);
  const planned = (count: number, most: number): ShareTest | undefined => {
    const look = (sent: number): Look => ({
      sent,
      claimed: binomialBand(sent, percent / 100, falseAlarm / count),
      told: toldBand(percent, others, sent, missed / count),
    });
    for (let batch = 1; batch * count <= most; batch += 1) {
      const { claimed, told } = look(batch * count);
      if (claimed.low < told.low || claimed.high > told.high) continue;
      const looks = Array.from({ length: count }, (_, index) => look(batch * (index + 1)));
      return { percent, others, batch, looks };
    }
    return undefined;
  };
  const test = planned(1, undivided) ?? planned(looksAtMost, largest);
  if (test) return test;
  throw new RangeError(`No sample of ${largest} requests tells ${percent} % from ${others.join(" % and ")} %`);
}

/**
 * Judges so many hits of a sample: `open` asks for another batch. The band holds the counts that the claim explains.
 * @throws RangeError for a number of requests at which the test has no look
 */
export function judgeShare(
  { looks }: ShareTest,
  sent: number,
  hits: number,
): { verdict: "pass" | "fail" | "open"; band: Band } {
  const look = looks.find((each) => each.sent === sent);
  if (!look) throw new RangeError(`No look after ${sent} requests`);
  const { claimed, told } = look;
  const within = ({ low, high }: Band) => hits >= low && hits <= high;
  return { verdict: !within(claimed) ? "fail" : within(told) ? "pass" : "open", band: claimed };
}

/** The claim in words, such as "50 %, told from 40 % and 60 %". */
export const shareWords = ({ percent, others }: Pick<ShareTest, "percent" | "others">): string =>
  [
    `${percent} %`,
    ...(others.length > 0 ? [`told from ${others.map((other) => `${other} %`).join(" and ")}`] : []),
  ].join(", ");

/** The counts that no other share explains. One tail of each band counts: the one towards the claimed share. */
function toldBand(percent: number, others: readonly number[], sent: number, chance: number): Band {
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

/** The first count at which the tail before and including it outweighs the allowed one. */
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
