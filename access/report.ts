import { type Cause, type ExperimentResult, type Finding, overall, type VerifyReport } from "../verify/report/schema";
import { istioVersion } from "./mesh/read";
import type { Observation } from "./probe/observe";
import { senderText } from "./probe/pod";
import type { AccessDecision, AccessRequest, Mesh } from "./types";

/** A run about a mesh in the form of a run of `verify`, so that text, JSON and JUnit are the same. */
export function accessReport(
  { mesh, context, startedAt, durationMs }: { mesh: Mesh; context: string; startedAt: number; durationMs: number },
  results: readonly ExperimentResult[],
  health: readonly Cause[] = [],
): VerifyReport {
  const version = istioVersion(mesh);
  return {
    schema: "ambient-lab.verify/v1",
    ...{ stack: context, cluster: context },
    startedAt: new Date(startedAt).toISOString(),
    durationMs,
    // A weakness of the configuration is a failure, also without a failed request.
    verdict: health.length > 0 ? "fail" : overall(results, []),
    versions: version ? { istio: version } : {},
    settings: {},
    ...{ results, drift: [], health },
    notes: mesh.unread.map(({ kind, reason }) => `Not read: ${kind} (${reason})`),
  };
}

/** The observation of a request as a finding. */
export function requestFinding(
  name: string,
  verdict: Finding["verdict"],
  { probe, answer, decision, evidence }: Observation,
  more: { expected?: string; layer?: Finding["layer"]; seen?: string } = {},
): Finding {
  const { request, token } = probe;
  return {
    ...{ name, verdict, layer: decision.by ?? more.layer ?? "app" },
    seen: `${answer ? answer.status || "no answer" : "not sent"}; ${decisionText(decision)}${more.seen ?? ""}`,
    ...(verdict === "pass" || more.expected === undefined ? {} : { expected: more.expected }),
    request: {
      pod: senderText(request.from),
      method: request.method,
      url: `http://${request.host}${request.path}?probe=${probe.id}`,
      path: request.path,
      to: request.from.kind === "gateway" ? "gateway" : request.to.kind,
      target: targetText(request),
      token: token !== undefined,
      status: answer?.status ?? 0,
      ...(answer?.error ? { error: answer.error, curlExit: answer.exit } : {}),
    },
    decision: {
      layer: decision.outcome === "unknown" ? "unknown" : (decision.by ?? "app"),
      action: actionOf(decision),
      ...(decision.policy ? { policy: decision.policy } : {}),
      because: decision.because,
    },
    evidence,
  };
}

function actionOf({ outcome, by }: AccessDecision): NonNullable<Finding["decision"]>["action"] {
  if (outcome === "allowed") return "answered";
  if (outcome === "redirected") return "redirected";
  if (outcome === "denied") return by === "ztunnel" ? "reset" : "refused";
  return outcome === "no-route" ? "refused" : "failed";
}

const targetText = ({ to }: AccessRequest): string => {
  const { namespace, name } = to.kind === "service" ? to.service : to.pod;
  return `${namespace}/${name}`;
};

/** A decision in words. */
export function decisionText({ outcome, by, policy, because }: AccessDecision): string {
  const layer = by ? ` by ${by}` : "";
  return `${outcome === "no-route" ? "no route" : outcome}${layer}${policy ? `, ${policy}` : ""}: ${because}`;
}
