import type { Layer } from "../../config/vocabulary";
import {
  authenticationAtGateway,
  podsBehind,
  services,
  strictPolicy,
  waypointAt,
  workloads,
} from "../../experiments/names";
import { objects } from "../../experiments/objects";
import type { ServiceName, WaypointName } from "../../experiments/slices";
import type { Expectation, Probe } from "../../experiments/types";
import { connectionOf } from "../logs/ztunnel-log";
import type { Decision, Evidence, Finding } from "../report/schema";
import { type DecisionTarget, decisionFromRecords, rbacBody } from "./decision";
import type { RecordKind, Records } from "./records";
import type { Answer } from "./send";

/** Whether the answer of the client is as expected, whichever layer decided. */
export function answerFits(expect: Expectation, answer: Answer): boolean {
  switch (expect.outcome) {
    case "answered":
      // 405 is an answer of the application: the method was let through.
      return (answer.status >= 200 && answer.status < 300) || answer.status === 405;
    case "refused":
      if (answer.status !== expect.status) return false;
      return expect.by === "gateway" || answer.body === rbacBody || answer.body === "";
    case "redirected":
      return answer.status === expect.status && leadsTo(expect.to, answer);
    case "reset":
      // 56: the connection was accepted and then reset. 7 and 28 would mean that nothing listens.
      return answer.exit === 56 || answer.exit === 52;
  }
}

/** Whether the header Location is the same request at another origin. */
function leadsTo(place: string, { id, headers: { location = "" } }: Answer): boolean {
  if (!URL.canParse(location)) return false;
  const { origin, search } = new URL(location);
  return origin === new URL(place).origin && new URLSearchParams(search).get("probe") === id;
}

/** The layers that must have a record of a request with this result. */
export function recordsWanted(expect: Expectation): RecordKind[] {
  if (expect.outcome === "answered") return [...expect.through];
  return [expect.by];
}

/** Compares the answer of the client and the records of the layers with the expectation. */
export function judge(probe: Probe, answer: Answer, records: Records): Finding {
  const { expect } = probe;
  const decision = decisionFromRecords(answer, records, targetOf(answer.service));
  const common = {
    name: probe.name,
    decision,
    seen: `${seenBy(answer)}; ${decisionSentence(decision)}`,
    request: sentRequest(answer),
    records: {
      gateway: lookupState(records.gateway),
      waypoint: lookupState(records.waypoint),
      ztunnel: lookupState(records.ztunnel),
    },
    ...("found" in records.ztunnel ? { connections: records.ztunnel.found.map(connectionOf) } : {}),
    evidence: evidenceOf(answer, records),
  };
  const waypoint = waypointAt(answer.service);
  const expected = expectationText(expect, waypoint);
  if (!answerFits(expect, answer)) {
    return { ...common, verdict: "fail", layer: failedLayer(expect, decision), expected };
  }
  const wanted = recordsWanted(expect);
  const missing = wanted.find((kind) => "missing" in records[kind]);
  if (missing) {
    const seen = `${seenBy(answer)}; the ${layerName(missing, waypoint)} has no record of it: the request did not pass the ${layerName(missing, waypoint)}`;
    return { ...common, verdict: "fail", layer: missing, seen, expected };
  }
  const unseen = wanted.find((kind) => "unavailable" in records[kind]);
  if (unseen) return { ...common, verdict: "inconclusive", layer: unseen, expected };
  const decider = deciderOf(expect);
  if (decision.layer !== decider) {
    return { ...common, verdict: "fail", layer: layerOf(decision, decider), expected };
  }
  // The expected layer may have ended the request for another reason, such as a ztunnel without an endpoint.
  if (decision.action !== expect.outcome) return { ...common, verdict: "fail", layer: decider, expected };
  const reason = expect.outcome === "refused" ? expect.because : undefined;
  if (reason && !decision.because.includes(reason)) return { ...common, verdict: "fail", layer: decider, expected };
  const policy = expect.outcome === "refused" || expect.outcome === "reset" ? expect.policy : undefined;
  if (policy && decision.policy && decision.policy !== policy)
    return { ...common, verdict: "fail", layer: decider, expected };
  return { ...common, verdict: "pass", layer: decider };
}

const sentRequest = ({ request, status, error, exit, clientPod }: Answer): NonNullable<Finding["request"]> => ({
  ...{ ...request, status },
  ...(error ? { error } : {}),
  ...(clientPod && exit !== 0 ? { curlExit: exit } : {}),
});

const lookupState = (lookup: Records[RecordKind]): "found" | "missing" | "unavailable" =>
  "found" in lookup ? "found" : "missing" in lookup ? "missing" : "unavailable";

const deciderOf = (expect: Expectation): Layer => (expect.outcome === "answered" ? "app" : expect.by);

const layerOf = (decision: Decision, otherwise: Layer): Layer =>
  decision.layer === "unknown" ? otherwise : decision.layer;

/** The layer at fault: for a missing refusal the layer that should have refused, not the application that answered. */
function failedLayer(expect: Expectation, decision: Decision): Layer {
  if (expect.outcome !== "answered" && decision.action === "answered") return expect.by;
  return layerOf(decision, expect.outcome === "answered" ? (expect.through[0] ?? "app") : expect.by);
}

const seenBy = (answer: Answer): string => {
  const took = `${Math.round(answer.seconds * 1000)} ms`;
  if (answer.status > 0) return `${answer.status} in ${took}`;
  return `no answer, exit ${answer.exit} after ${took}${answer.error ? ` (${answer.error})` : ""}`;
};

function decisionSentence({ layer, action, policy, because }: Decision): string {
  const decided = layer === "unknown" ? `${action} by an unknown layer` : `${action} by ${layer}`;
  return policy && action !== "answered" ? `${decided}, ${policy}: ${because}` : `${decided}: ${because}`;
}

/** The name of a layer; for a waypoint that of its Gateway. */
export const layerName = <L extends string>(layer: L, waypoint: WaypointName): L | WaypointName =>
  layer === "waypoint" ? waypoint : layer;

/** An expectation as text. */
export function expectationText(expect: Expectation, waypoint: WaypointName): string {
  switch (expect.outcome) {
    case "answered":
      return expect.through.length > 0
        ? `an answer of the app, recorded by ${expect.through.map((each) => layerName(each, waypoint)).join(" and ")}`
        : "an answer of the app, with no layer in the way";
    case "refused":
      return `${expect.status} by ${layerName(expect.by, waypoint)}${expect.policy ? `, ${expect.policy}` : ", which has no route for the host"}${expect.because ? ` (${expect.because})` : ""}`;
    case "redirected":
      return `${expect.status} to ${expect.to} by ${expect.by} itself`;
    case "reset":
      return `connection reset by ${expect.by} (${objects[expect.policy].kind} ${objects[expect.policy].name})`;
  }
}

const requestLine = ({ method, url, pod, target, token }: Answer["request"]): string =>
  `${method} ${url} ${pod ? `from ${pod}` : `Host: ${target}`}${token ? " with a token" : ""}`;

function evidenceOf(answer: Answer, records: Records): Evidence[] {
  const client: Evidence = {
    source: "client",
    lines: [
      requestLine(answer.request),
      answer.status > 0 ? `${answer.status} ${JSON.stringify(answer.headers)}` : seenBy(answer),
    ],
  };
  const logs = Object.entries(records).flatMap(([kind, sought]: [string, Records[RecordKind]]): Evidence[] => {
    if ("unavailable" in sought) return [{ source: `${kind} log`, lines: [`unavailable: ${sought.unavailable}`] }];
    if ("missing" in sought) return [];
    const lines = "text" in sought.found ? [sought.found.text] : sought.found.map(({ text }) => text);
    return [{ source: `${kind} log`, lines }];
  });
  return [client, ...logs];
}

/** A Service of the lab as the destination of a request. */
export function targetOf(service: ServiceName): DecisionTarget {
  const app = podsBehind(service);
  const { policy: podPolicy, peerAuthentication } = workloads[app];
  const { policy: waypointPolicy } = services[service];
  return {
    ...{ app, authentication: authenticationAtGateway },
    ...(waypointPolicy ? { waypointPolicy } : {}),
    ...(podPolicy ? { podPolicy } : {}),
    policyCalled: ({ name }) => (name === strictPolicy.name ? peerAuthentication : `AuthorizationPolicy/${name}`),
  };
}
