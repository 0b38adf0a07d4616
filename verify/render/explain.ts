import { ExitCode, LabError } from "../../errors";
import { experiments } from "../../experiments";
import type { Check, LabSettings, Probe, Sample, Step } from "../../experiments/types";
import { binomialBand } from "../binomial";
import { recordsWanted, sayExpectation } from "../judge";

/** Ids and titles of all experiments, in order. */
export const listExperiments = (): { id: string; title: string; question: string }[] =>
  experiments.map(({ id, title, question }) => ({ id, title, question }));

/** What there is to say about an experiment in one lab. */
export interface Explanation {
  id: string;
  title: string;
  question: string;
  why: string;
  /** What it sends and expects, a line each. */
  steps: readonly string[];
  /** Rows of the story. */
  rows: readonly number[];
  /** Objects whose state explains a failure. */
  objects: readonly string[];
}

/**
 * What an experiment sends in a lab with these settings, what it expects, and why.
 * @throws LabError (exit code 2) for an unknown id
 */
export function explain(id: string, settings: LabSettings): Explanation {
  const found = experiments.find((experiment) => experiment.id === id);
  if (!found) {
    throw new LabError(
      {
        what: `No experiment is named "${id}"`,
        why: "Only an experiment that exists can be explained",
        fix: "npm run lab -- verify --list",
      },
      { exitCode: ExitCode.usage },
    );
  }
  const { title, question, why, rows, objects } = found;
  return {
    id,
    title,
    question,
    why,
    steps: found.steps(settings).map((step) => stepLine(step, settings)),
    rows,
    objects,
  };
}

/** The same for a person who reads it in a terminal. */
export function explanationText({ id, title, question, why, steps, rows, objects }: Explanation): string {
  return [
    `${id}: ${title}`,
    "",
    question,
    "",
    why,
    "",
    "It sends and expects:",
    ...steps.map((step) => `  ${step}`),
    "",
    `Rows of the story: ${rows.join(", ")}`,
    `A failure is explained by: ${objects.length > 0 ? objects.join(", ") : "the finding itself"}`,
    "",
  ].join("\n");
}

/** What a step sends and what it expects, as one line. */
export const stepLine = (step: Step, settings: LabSettings): string =>
  step.kind === "probe" ? probeLine(step, settings) : checkLine(step);

function probeLine(probe: Probe, settings: LabSettings): string {
  const target = {
    service: "http://appb:8000",
    pod: "http://APPB-POD:8080",
    gateway: `http://GATEWAY Host: ${probe.host ?? `appb.${settings.domain}`} `,
  }[probe.to];
  const times = probe.expect.fate === "answered" ? "until three answers in a row" : "once, never again";
  const records = recordsWanted(probe.expect);
  const proof = records.length > 0 ? `; proven by the log of ${records.join(" and ")}` : "";
  return `${probe.from}: ${probe.method} ${target}${probe.path} → ${sayExpectation(probe.expect)} (${times}${proof})`;
}

function checkLine(check: Check): string {
  if (!("sample" in check))
    return check.check === "flip" ? `changes the policy: ${check.name}` : `reads: ${check.name}`;
  const { from, count, method, path } = check.sample;
  return `${from}: ${count} × ${method} ${path} → ${sampleExpectation(check)}`;
}

function sampleExpectation(check: Extract<Check, { sample: Sample }>): string {
  switch (check.check) {
    case "counted":
      return `${check.denied ? "403" : "an answer of the app"} each time, counted once by the waypoint's log and once by its counters`;
    case "share": {
      const { low, high } = binomialBand(check.sample.count, check.percent / 100, check.falseAlarm);
      return `${low} to ${high} of them delayed by ${check.delay} (exact binomial band, false alarm ${check.falseAlarm}), as clock and log say`;
    }
    case "never-slow":
      return "none of them delayed";
    case "hbone":
      return "both ends of both legs proven by certificate, in ztunnel's log or counters";
  }
}
