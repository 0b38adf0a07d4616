import type { AccessLine } from "../logs/access-log";
import type { SampleAnswer } from "../probe/curl";
import { joinedLines, type LoggedLines } from "../probe/sample-logs";
import type { Finding } from "../report/schema";

/** Requests of one or more batches, with their log lines. */
export interface Batch {
  count: number;
  answers: readonly SampleAnswer[];
  /** Access lines of the waypoint. */
  lines: LoggedLines<AccessLine>;
}

/** Sends batches until there are enough requests for a finding. @param judge returns undefined if another batch is needed */
export async function sampledInBatches<B extends Batch>(
  send: () => Promise<B>,
  join: (before: B, next: B) => B,
  judge: (sent: B) => Finding | undefined,
): Promise<Finding[]> {
  let sent = await send();
  for (;;) {
    const finding = judge(sent);
    if (finding) return [finding];
    sent = join(sent, await send());
  }
}

/** Merges two batches. */
export const joinedBatches = (before: Batch, next: Batch): Batch => ({
  count: before.count + next.count,
  answers: [...before.answers, ...next.answers],
  lines: joinedLines(before.lines, next.lines),
});
