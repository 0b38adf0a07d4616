import type { AccessLine } from "../../verify/logs/access-log";
import { type ConnectionLine, isPolicyRefusal, policyNamedBy } from "../../verify/logs/ztunnel-log";
import { type DecisionTarget, decisionFromRecords } from "../../verify/probe/decision";
import { isOwn, type RecordLookup, type Records } from "../../verify/probe/records";
import type { Decision, Evidence } from "../../verify/report/schema";
import { textOf } from "../computed/objects/mesh-objects";
import type { AccessDecision, NamespacedName, Outcome } from "../types";
import type { ProbeAnswer, SentProbe } from "./pod";

/** The records that the proxies of a mesh wrote, by the layer that wrote them. */
export interface MeshRecords {
  gateway: LayerRecords<AccessLine>;
  waypoint: LayerRecords<AccessLine>;
  ztunnel: LayerRecords<ConnectionLine>;
}

/** Records of one layer, and why some of its logs could not be read. */
export interface LayerRecords<Line> {
  lines: readonly Line[];
  unavailable?: string;
}

/** The observed result of a request. */
export interface Observation {
  probe: SentProbe;
  /** Absent when the probe pod did not send the request. */
  answer?: ProbeAnswer;
  decision: AccessDecision;
  evidence: readonly Evidence[];
}

/** Derives the decision about a request from the client's answer and the records of the layers. */
export function observe(
  probe: SentProbe,
  answer: ProbeAnswer | undefined,
  records: MeshRecords,
  about: { pod: NamespacedName; proxies: ReadonlySet<string>; failure?: string },
): Observation {
  if (!answer) {
    const because = about.failure ?? "the request was not sent";
    return { probe, decision: { outcome: "unknown", because }, evidence: [] };
  }
  const found = recordsOf(probe, answer, records, about.pod.name);
  const target = probe.request.to;
  const decision = decisionFromRecords({ ...answer, body: "" }, found, {
    app: target.kind === "service" ? textOf(target.service) : textOf(target.pod),
    ...policiesOf(probe.computed),
    policyCalled: policyTitle,
  });
  return {
    ...{ probe, answer },
    decision:
      refusedToProxy(found, records.ztunnel.lines, probe.computed, about.proxies) ??
      accessDecision(decision, answer, found, about.proxies),
    evidence: evidenceOf(probe, answer, found),
  };
}

/** The policy that the configuration implies: Envoy and ztunnel log no policy when no ALLOW rule matches. */
const policiesOf = ({ by, policy }: AccessDecision): Partial<DecisionTarget> => {
  if (policy === undefined) return {};
  return by === "waypoint" ? { waypointPolicy: policy } : by === "ztunnel" ? { podPolicy: policy } : {};
};

/** Records of one request: access lines by its id, connections by the client's address and port. */
function recordsOf(
  { id }: SentProbe,
  answer: ProbeAnswer,
  { gateway, waypoint, ztunnel }: MeshRecords,
  pod: string,
): Records {
  const accessLine = ({ lines, unavailable }: LayerRecords<AccessLine>): RecordLookup<AccessLine> => {
    const line = lines.find(({ path }) => path.includes(id));
    if (line) return { found: line };
    return unavailable === undefined ? { missing: `no line with ${id}` } : { unavailable };
  };
  // A pod may have the address of a deleted pod, whose requests had the same ports.
  const isOfPod = ({ fields }: ConnectionLine) => (fields["src.workload"] ?? pod) === pod;
  const own = ztunnel.lines.filter((line) => line.event === "complete" && isOwn(line, answer) && isOfPod(line));
  const connections = [...own.flatMap((line) => farRefusal(line, ztunnel.lines, pod)), ...own];
  return {
    gateway: accessLine(gateway),
    waypoint: accessLine(waypoint),
    ztunnel:
      connections.length > 0
        ? { found: connections }
        : ztunnel.unavailable === undefined
          ? { missing: `no line about ${answer.local ?? pod}` }
          : { unavailable: ztunnel.unavailable },
  };
}

/**
 * The line of the destination's ztunnel with the reason of a refusal. It has the pod and the destination of the line of the pod's ztunnel,
 * but no port. A pod sends its requests one after another, so that the lines of both ztunnels are in the same order.
 */
function farRefusal(own: ConnectionLine, lines: readonly ConnectionLine[], pod: string): ConnectionLine[] {
  if (own.direction !== "outbound" || !isPolicyRefusal(own)) return [];
  const destination = destinationOf(own);
  const refused = lines.filter((line) => isPolicyRefusal(line) && destinationOf(line) === destination);
  const near = refused.filter(
    (line) => line.direction === "outbound" && line.fields["src.workload"] === pod && line.event === "complete",
  );
  const far = refused.filter((line) => line.direction === "inbound" && line.fields["src.workload"] === pod);
  const line = far.length === near.length ? far[near.indexOf(own)] : undefined;
  if (line) return [line];
  // Without a line for each connection, a reason that all lines share applies to each.
  const [first] = far;
  return first && far.every(({ error }) => error === first.error) ? [first] : [];
}

/** Address and port of the application; with HBONE they are in a separate field. */
const destinationOf = ({ fields }: ConnectionLine): string => fields["dst.hbone_addr"] ?? fields["dst.addr"] ?? "";

/**
 * A refusal of the waypoint's or the gateway's own connection to the application: the proxy logs that its upstream reset the
 * connection, and the ztunnel of the application logs the policy. Both have the application's address.
 */
function refusedToProxy(
  { gateway, waypoint }: Records,
  lines: readonly ConnectionLine[],
  computed: AccessDecision,
  proxies: ReadonlySet<string>,
): AccessDecision | undefined {
  const last = "found" in waypoint ? waypoint.found : "found" in gateway ? gateway.found : undefined;
  if (!last || last.details === "via_upstream" || last.upstreamHost === "-") return undefined;
  const refusal = lines.findLast(
    (line) =>
      line.direction === "inbound" &&
      isPolicyRefusal(line) &&
      proxies.has(line.fields["src.workload"] ?? "") &&
      last.upstreamHost.endsWith(destinationOf(line)),
  );
  if (!refusal) return undefined;
  const named = policyNamedBy(refusal);
  const policy = named ? policyTitle(named) : computed.by === "ztunnel" ? computed.policy : undefined;
  return {
    ...{ outcome: "denied", by: "ztunnel" },
    ...(policy ? { policy } : {}),
    because: `${refusal.fields["src.workload"]} was refused: ${refusal.error}`,
  };
}

const policyTitle = ({ namespace, name }: { namespace?: string; name: string }): string =>
  `AuthorizationPolicy ${namespace === undefined ? name : `${namespace}/${name}`}`;

const outcomeOf = (decision: Decision): Outcome => {
  switch (decision.action) {
    case "answered":
      return "allowed";
    case "redirected":
      return "redirected";
    case "reset":
      return "denied";
    case "refused":
      return /no route matches/.test(decision.because) ? "no-route" : "denied";
    case "failed":
      return decision.line === undefined ? "unknown" : "unreachable";
  }
};

function accessDecision(
  decision: Decision,
  answer: ProbeAnswer,
  { waypoint, ztunnel }: Records,
  proxies: ReadonlySet<string>,
): AccessDecision {
  const { layer, policy, because, line } = decision;
  // A record of a proxy for HTTP, or of the ztunnel that ended the connection.
  if (line !== undefined) {
    const outcome = outcomeOf(decision);
    const by = outcome === "allowed" || outcome === "unreachable" ? undefined : layer;
    const decider = by === "gateway" || by === "waypoint" || by === "ztunnel" ? { by } : {};
    return { outcome, ...decider, ...(policy ? { policy } : {}), because };
  }
  const carried = "found" in ztunnel ? ztunnel.found.find((each) => each.error === undefined) : undefined;
  const workload = carried?.fields["dst.workload"] ?? "";
  if (answer.status > 0 && carried && !proxies.has(workload)) {
    return { outcome: "allowed", because: `${answer.status} from the application, ztunnel carried the connection` };
  }
  if (carried && proxies.has(workload)) {
    const why = "unavailable" in waypoint ? waypoint.unavailable : `${workload} wrote no access line about the request`;
    return { outcome: "unknown", because: `${answer.status || "no answer"}: ${why}${unparsed(answer)}` };
  }
  const seen = answer.status > 0 ? String(answer.status) : (answer.error ?? `curl exit ${answer.exit}`);
  return { outcome: "unknown", because: `${seen}, and no layer has a record of the request${unparsed(answer)}` };
}

/** The access line of a request that a proxy cannot parse lacks the path, and with it the id. */
const unparsed = ({ status }: ProbeAnswer): string =>
  status === 400
    ? "; a proxy answers 400 to a request that it cannot parse, before any policy, and its access line does not name the request"
    : "";

function evidenceOf({ id, request }: SentProbe, answer: ProbeAnswer, records: Records): Evidence[] {
  const seen = answer.status > 0 ? `${answer.status}` : `no answer, curl exit ${answer.exit} (${answer.error ?? ""})`;
  const client = `${request.method} http://${request.host}${request.path}?probe=${id}: ${seen} in ${Math.round(answer.seconds * 1000)} ms`;
  const lines = (lookup: RecordLookup<AccessLine | readonly ConnectionLine[]>): string[] => {
    if ("unavailable" in lookup) return [`unavailable: ${lookup.unavailable}`];
    if ("missing" in lookup) return [];
    return "text" in lookup.found ? [lookup.found.text] : lookup.found.map(({ text }) => text);
  };
  const logs = Object.entries(records).map(
    ([layer, lookup]): Evidence => ({ source: `${layer} log`, lines: lines(lookup) }),
  );
  return [{ source: "client", lines: [client] }, ...logs.filter((each) => each.lines.length > 0)];
}
