import type { LoadAnswer } from "./load";

/** Whether a request was answered as it should be. */
export const isSuccess = ({ status, exit }: LoadAnswer): boolean => exit === 0 && status >= 200 && status < 300;

/**
 * The first request from which on so many in a row are good; undefined while they are not. Requests that were sent
 * before `after` do not count.
 */
export function steadySince(answers: readonly LoadAnswer[], after: number, calm: number): LoadAnswer | undefined {
  const later = answers.filter(({ at }) => at >= after);
  const lastBad = later.findLastIndex((answer) => !isSuccess(answer));
  const row = later.slice(lastBad + 1);
  return row.length >= calm ? row[0] : undefined;
}

/** What a kill cost the clients. */
export interface LossSummary {
  sent: number;
  lost: number;
  /** First and last request without a good answer, in milliseconds since the kill. */
  bad?: readonly [number, number];
  /** Longest time between two good answers, in milliseconds. */
  gapMs: number;
  /** Milliseconds from the kill to the first request of the calm after it; infinite when there was none. */
  backMs: number;
  /** What the lost requests met, each with how often. */
  met: ReadonlyMap<string, number>;
}

/**
 * Counts what a kill at `killedAt` cost: of the requests that were under way then, or sent later. One that left no line is
 * lost, too.
 */
export function summarizeLosses(all: readonly LoadAnswer[], sentInAll: number, killedAt: number): LossSummary {
  const endOf = ({ at, ms }: LoadAnswer) => at + ms;
  const answers = all.filter((answer) => endOf(answer) >= killedAt);
  const sent = sentInAll - (all.length - answers.length);
  const bad = answers.filter((answer) => !isSuccess(answer));
  const good = all
    .filter(isSuccess)
    .map(endOf)
    .sort((a, b) => a - b);
  // Without further answers the gap ends with the last request.
  const before = good.findLast((end) => end < killedAt);
  const ends = [
    ...(before === undefined ? [] : [before]),
    ...good.filter((end) => end >= killedAt),
    all.at(-1)?.at ?? 0,
  ];
  const gaps = ends.slice(1).map((at, index) => at - (ends[index] ?? at));
  const met = new Map<string, number>();
  for (const answer of bad) met.set(wordsOf(answer), (met.get(wordsOf(answer)) ?? 0) + 1);
  if (sent > answers.length) met.set("no trace", sent - answers.length);
  const [first, last] = [bad[0], bad.at(-1)];
  const back = last ? answers.find(({ at }) => at > last.at) : undefined;
  return {
    ...{ sent, lost: sent - (answers.length - bad.length), met },
    ...(first && last ? { bad: [first.at - killedAt, last.at - killedAt] as const } : {}),
    gapMs: Math.max(0, ...gaps),
    backMs: last ? (back?.at ?? Number.POSITIVE_INFINITY) - killedAt : 0,
  };
}

/** An answer by its status; none by what curl says of it. */
function wordsOf({ status, exit }: LoadAnswer): string {
  if (status > 0) return String(status);
  const known: Readonly<Record<number, string>> = { 7: "refused", 28: "no answer", 52: "cut off", 56: "reset" };
  return known[exit] ?? `curl exit ${exit}`;
}
