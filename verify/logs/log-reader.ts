import { messageOf } from "../../host/errors";
import type { Clock } from "../eventually";
import type { ClusterReader, PodRef } from "../lab-client";
import { type AccessLine, parseAccessLine } from "./access-log";
import { type ConnectionLine, parseConnectionLine } from "./ztunnel-log";

/** The lines of a log about requests and connections, in the order of the log. */
export interface LogRecords {
  requests: readonly AccessLine[];
  connections: readonly ConnectionLine[];
  /** Lines of an application about probes. */
  app: readonly string[];
}

/** Records of the run so far, or the reason why the log cannot be read. */
export type LogRead = LogRecords | { unavailable: string };

/** The records of one kind in several logs. @param wanted selects records. @default all */
export function recordsIn<Kind extends keyof LogRecords>(
  reads: readonly LogRead[],
  kind: Kind,
  wanted: (record: LogRecords[Kind][number]) => boolean = () => true,
): LogRecords[Kind][number][] {
  const found: LogRecords[Kind][number][] = [];
  for (const read of reads)
    if (!("unavailable" in read)) for (const record of read[kind]) if (wanted(record)) found.push(record);
  return found;
}

/** The first reason why a log cannot be read. */
export const unavailableIn = (reads: readonly LogRead[]): { unavailable: string } | undefined =>
  reads.find((read): read is { unavailable: string } => "unavailable" in read);

/** How long a read is reused: many checks read the same pods. */
const freshMs = 250;
/** Margin before the start of the run: the API server's time has a resolution of one second, and proxies write their logs late. */
const earlyMs = 3_000;

interface Page {
  /** The last line that was read. When the next read lacks it, the log was rotated in between. */
  anchor?: string;
  records: { [Kind in keyof LogRecords]: LogRecords[Kind][number][] };
  readAt: number;
  pending?: Promise<LogRead>;
}

/**
 * Reads the records of the run incrementally. Each read begins at the time stamp of the last line, so that the clocks of node and
 * machine need not agree. A log at debug level is rotated every few minutes, and the API server returns the newest file only: a gap
 * is filled from the file before.
 */
export class LogReader {
  readonly #lab: ClusterReader;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #startedAt: number;
  readonly #pages = new Map<string, Page>();
  #begin: Promise<string> | undefined;

  /** @param signal of the whole run: several checks share a read, so that no check may abort it */
  constructor(lab: ClusterReader, clock: Clock, signal: AbortSignal) {
    this.#lab = lab;
    this.#clock = clock;
    this.#signal = signal;
    this.#startedAt = clock.now();
  }

  /** Reads the last line of each log at the start of the run. Later lines belong to the run. */
  async open(pods: readonly PodRef[]): Promise<void> {
    await Promise.all(
      pods.map(async (pod) => {
        const page = this.#page(pod);
        try {
          page.anchor ??= (await this.#lab.logs(pod, undefined, this.#signal)).at(-1);
        } catch {
          // The check that reads the log gets the same error, and reports it.
          this.#signal.throwIfAborted();
        }
      }),
    );
  }

  /** All records that a container wrote since the run began. */
  read(pod: PodRef): Promise<LogRead> {
    const page = this.#page(pod);
    if (page.pending) return page.pending;
    if (this.#clock.now() - page.readAt < freshMs) return Promise.resolve(page.records);
    page.pending = this.#refresh(pod, page).finally(() => {
      page.pending = undefined;
    });
    return page.pending;
  }

  #page({ namespace, name, container }: PodRef): Page {
    const key = `${namespace}/${name}/${container}`;
    const page = this.#pages.get(key) ?? {
      records: { requests: [], connections: [], app: [] },
      readAt: Number.NEGATIVE_INFINITY,
    };
    this.#pages.set(key, page);
    return page;
  }

  async #refresh(pod: PodRef, page: Page): Promise<LogRead> {
    const now = this.#clock.now();
    try {
      const { anchor } = page;
      const since = anchor === undefined ? await this.#runBegan() : stampOf(anchor);
      const newest = await this.#lab.logs(pod, since, this.#signal);
      const lines = anchor === undefined ? newest : await this.#following(pod, anchor, newest);
      for (const line of lines) addRecord(page.records, line);
      page.anchor = lines.at(-1) ?? anchor;
      page.readAt = now;
      return page.records;
    } catch (error) {
      this.#signal.throwIfAborted();
      return { unavailable: `logs of ${pod.name}: ${messageOf(error)}` };
    }
  }

  /** The lines after a line: in the current file and, when it was rotated meanwhile, in the file before. */
  async #following(pod: PodRef, anchor: string, newest: readonly string[]): Promise<readonly string[]> {
    const here = newest.lastIndexOf(anchor);
    if (here >= 0) return newest.slice(here + 1);
    const older = await this.#lab.rotatedLogs(pod, this.#signal);
    const there = older.lastIndexOf(anchor);
    if (there < 0) throw new Error("the log was rotated, and earlier lines of this run are lost");
    return [...older.slice(there + 1), ...newest];
  }

  /** The start of the run by the cluster's clock, for pods that did not exist then. */
  #runBegan(): Promise<string> {
    this.#begin ??= this.#lab.serverTime(this.#signal).then((theirs) => {
      const ago = this.#clock.now() - this.#startedAt + earlyMs;
      return new Date(theirs - ago).toISOString();
    });
    return this.#begin;
  }
}

/** Parses a line once, for all checks that read the log. */
function addRecord({ requests, connections, app }: Page["records"], line: string): void {
  const request = parseAccessLine(line);
  if (request) {
    requests.push(request);
    return;
  }
  const connection = parseConnectionLine(line);
  if (connection) connections.push(connection);
  else if (isAppLine(line)) app.push(line);
}

/** Whether httpbin wrote a line, as text or JSON, about a request of the lab, whose query has an id. */
const isAppLine = (text: string): boolean => /^\S+ (time=|\{).*\bprobe=[0-9a-f]{8}-/.test(text);

const stampOf = (line: string): string => line.slice(0, line.indexOf(" "));
