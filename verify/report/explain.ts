import type { LabSettings } from "../../config/schema";
import { ports, serviceHost } from "../../config/vocabulary";
import { experiments } from "../../experiments/index";
import { hostOf, podsBehind, waypointAt } from "../../experiments/names";
import type { ServiceName } from "../../experiments/slices";
import type { Call, Check, KillSpec, Probe, Sample, Stage, Step, TokenSpec } from "../../experiments/types";
import { ExitCode, LabError } from "../../host/errors";
import { numbers } from "../../modules/chaos/objects";
import { disabledReason } from "../../modules/enabled";
import type { ModuleName } from "../../modules/index";
import { shareTest, shareWords } from "../binomial";
import { expectationText, layerName, recordsWanted } from "../probe/judge";

/** Ids and titles of all experiments, in order, and the modules that some belong to. */
export const listExperiments = (): { id: string; title: string; question: string; module?: ModuleName }[] =>
  experiments.map(({ id, title, question, module }) => ({ id, title, question, ...(module ? { module } : {}) }));

/** Explanation of an experiment in one lab. */
export interface Explanation {
  id: string;
  title: string;
  question: string;
  why: string;
  /** Requests and expectations, a line each. */
  steps: readonly string[];
  /** The module that it belongs to. */
  module?: ModuleName;
  /** Why this lab does not run it; absent when it does. */
  off?: string;
  /** Rows of the story; empty for an experiment of a module. */
  rows: readonly number[];
  /** Objects whose state explains a failure. */
  objects: readonly string[];
}

/**
 * Explains an experiment in a lab with these settings: its requests, its expectations and the reason for them.
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
  const { title, question, why, rows, module, objects } = found;
  const off = disabledReason(found, settings);
  return {
    ...{ id, title, question, why },
    steps: found.steps(settings).flatMap((step) => stepLines(step, settings)),
    ...(module ? { module } : {}),
    ...(off ? { off } : {}),
    rows,
    objects,
  };
}

/** The explanation as text for a terminal. */
export function explanationText(explanation: Explanation): string {
  const { id, title, question, why, steps, module, off, rows, objects } = explanation;
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
    module ? `Module ${module}${off ? `: ${off}` : ""}` : `Rows of the story: ${rows.join(", ")}`,
    `A failure is explained by: ${objects.length > 0 ? objects.join(", ") : "the finding itself"}`,
    "",
  ].join("\n");
}

/** The lines of a step: one for each request with its expectation. */
export function stepLines(step: Step, settings: LabSettings): string[] {
  if (step.kind === "probe") return [probeLine(step, settings)];
  if (step.check === "grpc-calls") return step.calls.map((call) => callLine(call, step.service));
  if (step.check === "chaos") return step.kills.map((kill) => killLine(kill, step));
  if (step.check !== "fail-open") return [checkLine(step)];
  return step.stages.flatMap((stage) =>
    stage.probes.map((probe) => `${stageWords(stage)}; ${probeLine(probe, settings)}`),
  );
}

function killLine({ victim, bound }: KillSpec, { method, path }: Extract<Check, { check: "chaos" }>): string {
  const { perSecond, downMs } = numbers;
  const kill = victim === "node" ? `a node is killed for ${downMs / 1000} s` : `the pod of ${victim} is killed`;
  const most = `at most ${bound.lost} lost, ${bound.gapMs / 1000} s without a successful answer, recovered after ${bound.backMs / 1000} s`;
  return `loadgen: ${perSecond} × ${method} http://appb:${ports.service}${path} a second while ${kill} → ${most}`;
}

function stageWords({ name, takes, returns }: Stage): string {
  const words = { policy: "the policy", waypoint: "the waypoint" };
  if (takes) return `${name} (${words[takes]} is taken away)`;
  return returns ? `${name} (${words[returns]} is put back)` : name;
}

/** The host of a Service in requests: its name within the namespace, or the host of a ServiceEntry. */
const hostName = (service: ServiceName): string =>
  hostOf(service) === serviceHost(service) ? service : hostOf(service);

function probeLine(probe: Probe, settings: LabSettings): string {
  const { service = "appb" } = probe;
  const target = {
    service: `http://${hostName(service)}:${ports.service}`,
    pod: `http://${podsBehind(service).toUpperCase()}-POD:${ports.container}`,
    gateway: `${probe.tls ? "https" : "http"}://GATEWAY Host: ${probe.host ?? `appb.${settings.domain}`} `,
  }[probe.to];
  const bearing = probe.token ? ` with ${tokenWords(probe.token)}` : "";
  const times = probe.expect.outcome === "answered" ? "until three answers in a row" : "once, never again";
  const waypoint = waypointAt(service);
  const records = recordsWanted(probe.expect).map((record) => layerName(record, waypoint));
  const proof = records.length > 0 ? `; proven by the log of ${records.join(" and ")}` : "";
  return `${probe.from}: ${probe.method} ${target}${probe.path}${bearing} → ${expectationText(probe.expect, waypoint)} (${times}${proof})`;
}

function callLine({ from, method, code }: Call, service: ServiceName): string {
  const times = code === 0 ? "until three answers in a row, then once" : "once, never again";
  return `${from}: gRPC http://${hostName(service)}:${ports.service}${method} → grpc-status ${code} (${times}; proven by the log of ${waypointAt(service)} and the server's own)`;
}

function tokenWords({ claims, seconds, issuer, audience, forgery }: TokenSpec): string {
  const kinds = { foreign: "signed by another key", altered: "altered after signing", garbage: "that is none" };
  const texts = Object.entries(claims).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return [
    `a token${forgery ? ` ${kinds[forgery]}` : ""}`,
    ...(forgery === "garbage" ? [] : texts.length > 0 ? [`claims ${texts.join(", ")}`] : ["no claims"]),
    ...(issuer ? [`issuer ${issuer}`] : []),
    ...(audience ? [`audience ${audience}`] : []),
    ...(seconds < 0 ? ["expired"] : []),
  ].join(", ");
}

function checkLine(check: Check): string {
  if (check.check === "capture")
    return `captures between two nodes: ${check.count} × GET http://appf:${ports.service}/anything/MARKER by appa, and the same in plain text to appg → port ${ports.hbone} alone and no MARKER from appa; MARKER in every plain request`;
  if ("requests" in check) return shareLine(check);
  if (!("sample" in check))
    return check.check === "flip" ? `changes the policy: ${check.name}` : `reads: ${check.name}`;
  return `${sampleLine(check.sample, String(check.sample.count))} → ${sampleExpectation(check)}`;
}

function sampleLine({ from, method, path, service, headers = {} }: Omit<Sample, "count">, count: string): string {
  const target = `${service ? `http://${hostName(service)}:${ports.service}` : ""}${path}`;
  const extra = Object.entries(headers).map(([name, value]) => ` with ${name}: ${value}`);
  return `${from}: ${count} × ${method} ${target}${extra.join("")}`;
}

function shareLine(check: Extract<Check, { requests: object }>): string {
  const { requests, percent, falseAlarm } = check;
  const test = shareTest(percent, falseAlarm);
  const { batch, looks } = test;
  const hit =
    check.check === "share"
      ? `delayed by ${check.delay}, as clock and log say`
      : "at appb-v2, as the waypoint's log and its own say";
  return `${sampleLine(requests, looks.length === 1 ? `${batch}` : `${batch} to ${batch * looks.length}`)} → ${shareWords(test)} (false alarm ${falseAlarm}), ${hit}`;
}

function outcomeWords({ status, flags, attempts, between, sample }: Extract<Check, { check: "outcome" }>): string {
  const flag = flags === "-" ? "without a flag" : `flagged ${flags}`;
  const time = between ? `, after ${between[0]} to ${between[1]} ms` : "";
  return `${status} each time${time}, ${flag} by ${layerName("waypoint", waypointAt(sample.service ?? "appb"))}, ${attempts} × in the app's log`;
}

function sampleExpectation(check: Extract<Check, { sample: Sample }>): string {
  switch (check.check) {
    case "counted":
      return `${check.denied ? "403" : "an answer of the app"} each time, counted once by the waypoint's log and once by its counters`;
    case "outcome":
      return outcomeWords(check);
    case "limited":
      return `${check.burst} at once and ${check.perSecond} a second answered by the app, all else 429 by the waypoint (RL)`;
    case "mirrored":
      return check.copied ? "each answered by appb-v1, with a copy in appb-v2's log" : "no copy in anybody's log";
    case "never-slow":
      return "none of them delayed";
    case "bypasses-waypoint":
      return `each answered, in the app's log, and in no log of ${waypointAt(check.sample.service ?? "appb")}, which has those to http://${hostName(check.control.service ?? "appb")}:${ports.service} sent after them`;
    case "hbone":
      return "both ends of both legs proven by certificate, in ztunnel's log or counters";
  }
}
