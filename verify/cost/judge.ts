import { tableLines } from "../../host/table";
import type { CostPath } from "../../modules/cost/objects";
import { healthBytes, isOfKind, keptHttp } from "./load";
import type { Cost, CostLatency } from "./schema";
import type { Estimate } from "./statistics";

const words: Readonly<Record<CostPath, string>> = {
  none: "outside the mesh",
  ztunnel: "ztunnel",
  waypoint: "ztunnel and a waypoint",
  sidecar: "two sidecars",
};

/** Names of the protocols. */
export const protocolNames = { http: "HTTP/1.1", grpc: "gRPC" } as const;

/** Milliseconds as text: from 10 on without decimals, below with two. */
const ms = (value: number): string => (Math.abs(value) >= 10 ? value.toFixed(0) : value.toFixed(2));
const mib = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`;
const range = ({ low, high }: Estimate, unit: (value: number) => string): string => `${unit(low)} to ${unit(high)}`;

/** Why the spread of the rounds is too large for a verdict; undefined when it is not. */
export const noiseProblem = ({ noise }: Pick<Cost, "noise">): string | undefined =>
  noise.spread > noise.limit
    ? `the machine is too busy: between rounds the median latency outside the mesh varies by ${percent(noise.spread)}, and at most ${percent(noise.limit)} are accepted`
    : undefined;

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** The result as text, each number with its interval. A difference whose interval contains zero is reported as +0. */
export function costSentence(cost: Cost): string {
  const kept = cost.latency.filter((each) => isOfKind(each, keptHttp));
  const base = kept.find(({ path }) => path === "none");
  const added = kept.filter(({ path }) => path !== "none").map((each) => `${words[each.path]} ${addedWords(each)}`);
  const cpu = kept.filter(({ path }) => path !== "none").map((each) => `${words[each.path]} ${ms(each.cpu.median)}`);
  return [
    `at ${cost.load.perSecond} requests/s the median is ${ms(base?.milliseconds.p50.median ?? 0)} ms outside the mesh; ${added.join(", ")}`,
    `CPU milliseconds per 1000 requests: ${cpu.join(", ")}`,
    ...growthWords(cost),
  ].join("; ");
}

function addedWords({ added }: CostLatency): string {
  if (!added) return "";
  const { p50 } = added;
  if (p50.low <= 0 && p50.high >= 0) return `+0, within ${range(p50, ms)} ms`;
  return `+${ms(p50.median)} ms (${range(p50, ms)})`;
}

function growthWords({ growth, crossing }: Cost): string[] {
  const last = growth.at(-1);
  if (!last) return [];
  const much = `${last.pods} sidecars use ${mib(last.sidecarBytes)}, ztunnel and waypoint ${mib(last.ambientBytes)} for as many pods`;
  if (crossing === undefined) return [`${much}: sidecars use less up to ${last.pods} pods`];
  return [`${much}: sidecars use more from ${crossing} ${crossing === 1 ? "pod" : "pods"} on`];
}

/** A table of the report; the first row is the header. */
export interface CostTable {
  caption: string;
  rows: readonly (readonly string[])[];
}

/** The result as tables. */
export function costTables(cost: Cost): CostTable[] {
  const cell = ({ median, low, high }: Estimate) => `${ms(median)} (${ms(low)}–${ms(high)})`;
  const { load, confidence } = cost;
  const ofGrpc = cost.latency.some(({ protocol }) => protocol === "grpc")
    ? ` (${protocolNames.grpc}: ${healthBytes})`
    : "";
  return [
    {
      caption: `Latency in milliseconds at ${load.perSecond} requests/s, answers of ${load.answerBytes} bytes${ofGrpc}: median of ${load.rounds} rounds (${percent(confidence)} interval); CPU milliseconds of the proxies for 1000 requests`,
      rows: [
        ["path", "protocol", "connections", "p50", "p90", "p99", "p50 added", "p99 added", "CPU"],
        ...cost.latency.map(({ path, protocol, connections, milliseconds, added, cpu }) => [
          ...[path, protocolNames[protocol], connections],
          ...[milliseconds.p50, milliseconds.p90, milliseconds.p99].map(cell),
          ...(added ? [cell(added.p50), cell(added.p99), cell(cpu)] : ["", "", ""]),
        ]),
      ],
    },
    {
      caption: "Highest rate that is kept up, in requests per second: median (lowest–highest run)",
      rows: [
        ["path", "requests/s", "ended by"],
        ...cost.throughput.map(({ path, perSecond: { median, low, high }, limit }) => [
          ...[path, `${Math.round(median)} (${low}–${high})`, limit],
        ]),
      ],
    },
    {
      caption: "Memory and CPU of each proxy",
      rows: [
        ["proxy", "paths", "idle", "after the load", "idle CPU ms/s"],
        ...cost.proxies.map(({ pod, path, idleBytes, loadedBytes, idleCpu }) => [
          ...[pod, path.join(", "), mib(idleBytes), mib(loadedBytes), ms(idleCpu)],
        ]),
      ],
    },
    {
      caption: "Memory by number of pods",
      rows: [
        ["pods", "sidecars", "each", "ztunnel and waypoint"],
        ...cost.growth.map(({ pods, sidecarBytes, perSidecar, ambientBytes }) => [
          ...[String(pods), mib(sidecarBytes), range(perSidecar, mib), mib(ambientBytes)],
        ]),
      ],
    },
  ];
}

/** {@link costTables} as lines of text. */
export const costLines = (cost: Cost): string[] =>
  costTables(cost).flatMap(({ caption, rows }) => [caption, ...tableLines(rows), ""]);
