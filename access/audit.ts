import type { Cause, ExperimentResult, Finding, VerifyReport } from "../verify/report/schema";
import { worst } from "../verify/report/schema";
import { type Ask, ask } from "./ask";
import { boundaryRequests } from "./computed/boundary";
import { computeDecision } from "./computed/decide";
import { type ConfigurationFinding, findings as configurationFindings, type FindingId } from "./computed/findings";
import { objectsOf, titleOf } from "./computed/objects/mesh-objects";
import { senderText } from "./probe/pod";
import type { ProveOptions } from "./prove";
import { type Agreement, agreement } from "./reach/matrix";
import { accessReport, decisionText, requestFinding } from "./report";
import type { AccessDecision, AccessRequest, Mesh } from "./types";

/** A request at the boundary of a policy's rule, with the computed decision. */
interface AuditRequest {
  /** The policy, such as "AuthorizationPolicy default/appb-l7". */
  policy: string;
  /** The property that it tests, such as "another method than the rule names". */
  reason: string;
  request: AccessRequest;
  computed: AccessDecision;
}

/** The findings and requests of an audit. */
export interface AuditPlan {
  findings: readonly ConfigurationFinding[];
  requests: readonly AuditRequest[];
}

/** The findings of the configuration, and the requests at the boundaries of the policies, in namespaces. */
export function planAudit(mesh: Mesh, namespaces: readonly string[]): AuditPlan {
  const inScope = (namespace: string | undefined) =>
    namespaces.includes(namespace ?? "") || namespace === mesh.rootNamespace;
  const policies = objectsOf(mesh, "AuthorizationPolicy").filter(({ metadata }) => inScope(metadata?.namespace));
  return {
    findings: configurationFindings(mesh).filter(({ object }) => inScope(namespaceIn(object))),
    requests: policies.flatMap((policy) =>
      boundaryRequests(mesh, policy).map(
        ({ request, reason }): AuditRequest => ({
          ...{ policy: titleOf(policy), reason, request, computed: computeDecision(mesh, request) },
        }),
      ),
    ),
  };
}

const keyOf = ({ request }: Pick<Ask, "request">): string => JSON.stringify(request);

/** The requests of an audit. Several policies have some in common: each is sent once. */
export const auditAsks = ({ requests }: AuditPlan): Ask[] => [
  ...new Map(requests.map((each) => [keyOf(each), { request: each.request, computed: each.computed }])).values(),
];

/** Sends the requests of an audit, and compares each observed decision with the computed one. */
export async function audit(plan: AuditPlan, options: ProveOptions): Promise<VerifyReport> {
  const { mesh, clock, limits, context } = options;
  const startedAt = clock.now();
  const asks = auditAsks(plan);
  const observations = asks.length > 0 ? await ask(asks, limits, options) : [];
  const observed = new Map(asks.map((each, index) => [keyOf(each), observations[index]]));
  const durationMs = clock.now() - startedAt;
  const policies = [...new Set(plan.requests.map(({ policy }) => policy))];
  const results = policies.map((policy): ExperimentResult => {
    const findings = plan.requests
      .filter((each) => each.policy === policy)
      .flatMap((each): Finding[] => {
        const observation = observed.get(keyOf(each));
        if (!observation) return [];
        const { computed } = each;
        return [
          requestFinding(
            `${each.reason}: ${requestText(each.request)}`,
            verdicts[agreement({ computed, observed: observation })],
            observation,
            {
              expected: decisionText(computed),
              ...(computed.by ? { layer: computed.by } : {}),
            },
          ),
        ];
      });
    const verdict = worst(findings.map((finding) => finding.verdict));
    const layer = findings.find((finding) => finding.verdict === verdict)?.layer;
    return {
      ...{ id: policy, title: `${policy} decides as it says`, verdict, causes: [], findings, durationMs },
      ...(verdict === "pass" || layer === undefined ? {} : { layer }),
    };
  });
  return accessReport({ mesh, context, startedAt, durationMs }, results, plan.findings.map(causeOf));
}

const verdicts: Readonly<Record<Agreement, Finding["verdict"]>> = {
  agree: "pass",
  differ: "fail",
  unknown: "inconclusive",
};

const layers: Readonly<Record<FindingId, Cause["layer"]>> = {
  "http-at-ztunnel": "ztunnel",
  "action-at-ztunnel": "ztunnel",
  "bound-to-nothing": "istiod",
  "unknown-provider": "istiod",
  "agentgateway-policies": "waypoint",
  "gateway-skips-waypoint": "gateway",
  "around-the-waypoint": "ztunnel",
  "unguarded-route": "gateway",
  "plain-text": "ztunnel",
  "dry-run": "istiod",
};

const causeOf = ({ id, object, what, why, fix }: ConfigurationFinding): Cause => ({
  ...{ kind: "health", layer: layers[id], object, what: `${object}: ${what}; ${why}`, fix },
});

/** Namespace of an object that is named as "Kind namespace/name". */
const namespaceIn = (title: string): string => title.split(" ").at(-1)?.split("/")[0] ?? "";

const requestText = ({ from, method, host, path }: AccessRequest): string =>
  `${senderText(from)} -> ${method} ${host}${path}`;
