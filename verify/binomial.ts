/** Counts that are plausible for a share: both ends included. */
export interface Band {
  low: number;
  high: number;
}

/**
 * The exact band of a binomial count: outside of it on either side lies at most half of `falseAlarm`.
 * @throws RangeError when an argument is out of its range
 */
export function binomialBand(count: number, share: number, falseAlarm: number): Band {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`Cannot sample ${count} requests`);
  if (!(share >= 0 && share <= 1)) throw new RangeError(`Cannot take ${share} as a share: it must be within 0 and 1`);
  if (!(falseAlarm > 0 && falseAlarm < 1)) throw new RangeError(`Cannot take ${falseAlarm} as a chance of false alarm`);
  const chances = Array.from({ length: count + 1 }, (_, k) => chanceOf(k, count, share));
  return { low: firstWithin(chances, falseAlarm / 2), high: count - firstWithin(chances.toReversed(), falseAlarm / 2) };
}

/** Chance of exactly `k` hits in `count` independent draws. */
export function chanceOf(k: number, count: number, share: number): number {
  if (share === 0) return k === 0 ? 1 : 0;
  if (share === 1) return k === count ? 1 : 0;
  return Math.exp(logChoose(count, k) + k * Math.log(share) + (count - k) * Math.log1p(-share));
}

/** Index of the first chance at which the tail before and including it outweighs the allowed one. */
function firstWithin(chances: readonly number[], allowed: number): number {
  let tail = 0;
  return chances.findIndex((chance) => {
    tail += chance;
    return tail > allowed;
  });
}

function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i += 1) sum += Math.log(n - k + i) - Math.log(i);
  return sum;
}
