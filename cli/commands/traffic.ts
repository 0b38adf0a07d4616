import { type Command, InvalidArgumentError, Option } from "commander";
import { durationMs, methods } from "../../config/vocabulary";
import { ExitCode } from "../../host/errors";
import { delayedFromMs } from "../../verify/lab-facts";
import { runningLab } from "../stack/running-lab";
import { Progress } from "../terminal/progress";
import { gatewaySender, type SampleAnswer, sendTraffic } from "../traffic";
import { type CommandContext, common, examples, json, jsonText } from "./common";

interface TrafficOptions {
  stack?: string;
  rate: number;
  for: number;
  path?: string;
  method: string;
  json?: boolean;
}

/** Width of the bar that shows a latency. */
const barWidth = 24;

/** `traffic`: sends requests to the gateway, and shows the latency of each. */
export function registerTraffic(program: Command, { io, end }: CommandContext): void {
  const command = program
    .command("traffic")
    .description("send requests through the gateway and show how long each took");
  examples(
    json(common(command))
      .option("--rate <n>", "requests per second, 0.1 to 100", rate, 2)
      .addOption(new Option("--for <time>", "duration, such as 30s or 5m").argParser(time).default(30_000, "30s"))
      .option("--path <path>", "path of appb (default: faultPath of the configuration)", path)
      .addOption(new Option("--method <method>", "HTTP method").choices(methods).default("GET")),
    "npm run lab -- traffic                       # half of them take 2 s longer",
    "npm run lab -- traffic --path /get           # never slow",
    "npm run lab -- traffic --method POST --path /post --for 5s   # refused: 403",
    "npm run lab -- traffic --rate 20 --for 1m --json",
  );
  command.action(async (options: TrafficOptions) => {
    const facts = await runningLab(io, options);
    const { faultPath, faultDelay } = facts.settings;
    const plan = { path: options.path ?? faultPath, method: options.method, rate: options.rate, forMs: options.for };
    const delayMs = durationMs(faultDelay);
    const { colors } = new Progress(io);
    const lineOf = ({ atMs, status, ms }: SampleAnswer) => {
      const bar = "█".repeat(Math.min(barWidth, Math.max(1, Math.round((ms / (1.2 * delayMs)) * barWidth))));
      const mark = status === 200 ? String(status) : colors.red(status === 0 ? "---" : String(status));
      const tint = ms >= delayMs ? colors.yellow : colors.cyan;
      return `${(atMs / 1000).toFixed(1).padStart(6)} s  ${mark}  ${String(Math.round(ms)).padStart(5)} ms  ${tint(bar)}\n`;
    };
    io.stderr.write(
      `${plan.method} ${facts.url}${plan.path} Host: appb.${facts.settings.domain}, ${plan.rate}/s; Ctrl-C ends it\n`,
    );
    const answers = await sendTraffic(
      plan,
      gatewaySender(facts, plan),
      (answer) => void io.stderr.write(lineOf(answer)),
      {
        signal: io.signal,
      },
    );
    const summary = summarise(answers, delayMs);
    const { stack, url } = facts;
    io.stdout.write(
      options.json ? jsonText({ stack, url, ...plan, ...summary }) : `${summaryLines(summary).join("\n")}\n`,
    );
    if (answers.length > 0 && answers.every(({ status }) => status === 0)) end(ExitCode.fail);
  });
}

function rate(text: string): number {
  const number = Number(text);
  if (number >= 0.1 && number <= 100) return number;
  throw new InvalidArgumentError("It is a number from 0.1 to 100.");
}

function time(text: string): number {
  const [, number, unit] = /^(\d+)(ms|s|m)$/.exec(text) ?? [];
  const ms = Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit as "ms" | "s" | "m"];
  if (ms > 0 && ms <= 3_600_000) return ms;
  throw new InvalidArgumentError("It is a time with its unit, such as 30s or 5m, at most 60m.");
}

function path(text: string): string {
  if (/^\/[\x21-\x7e]*$/.test(text)) return text;
  throw new InvalidArgumentError('It begins with "/" and holds no blanks.');
}

/** Summary of the requests. */
export interface TrafficSummary {
  count: number;
  /** Answers by status; "none" counts those without one. */
  statuses: Record<string, number>;
  /** Requests that took the configured delay or longer. */
  slow: number;
  delayMs: number;
  p50Ms: number;
  p95Ms: number;
  longestMs: number;
}

/** Summarises the requests. */
export function summarise(answers: readonly SampleAnswer[], delayMs: number): TrafficSummary {
  const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  const statuses: Record<string, number> = {};
  for (const { status } of answers) {
    const key = status === 0 ? "none" : String(status);
    statuses[key] = (statuses[key] ?? 0) + 1;
  }
  return {
    ...{ count: answers.length, statuses, delayMs },
    slow: times.filter((ms) => ms >= delayedFromMs(delayMs)).length,
    p50Ms: percentile(times, 0.5),
    p95Ms: percentile(times, 0.95),
    longestMs: Math.round(times.at(-1) ?? 0),
  };
}

/** Percentile by the nearest-rank method: a measured value. */
const percentile = (sorted: readonly number[], share: number): number =>
  Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);

/** The summary as lines of text. */
export function summaryLines({ count, statuses, slow, delayMs, p50Ms, p95Ms, longestMs }: TrafficSummary): string[] {
  if (count === 0) return ["Nothing was answered before the end."];
  const answers = Object.entries(statuses).map(([status, times]) =>
    status === "none" ? `${times} without an answer` : `${times} × ${status}`,
  );
  const share = Math.round((100 * slow) / count);
  return [
    `${count} requests: ${answers.join(", ")}`,
    `${slow} of them (${share} %) took ${delayMs} ms or longer`,
    `half within ${p50Ms} ms, 95 % within ${p95Ms} ms, the slowest ${longestMs} ms`,
  ];
}
