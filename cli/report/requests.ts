import { parseConnectionLine } from "../../verify/logs/ztunnel-log";
import type { Decision, Finding, SentRequest, Verdict, VerifyReport } from "../../verify/report/schema";

/** One request that a run sent and judged, with all that the layers wrote down about it. */
export interface JudgedRequest extends SentRequest {
  experiment: string;
  verdict: Verdict;
  /** Such as "appa"; "you" is the machine that ran the proofs. */
  client: string;
  /** Method and path, and whether it had a token. */
  words: string;
  /** Where it was sent to, in words. */
  address: string;
  /** What the client got, such as "200" or "connection reset". */
  answer: string;
  decision: Decision;
  evidence: Finding["evidence"];
}

/** The requests of a run, in its own order. */
export function requestsOf({ results }: Pick<VerifyReport, "results">): JudgedRequest[] {
  return results.flatMap(({ id, findings }) => findings.flatMap((finding) => requestOf(id, finding) ?? []));
}

function requestOf(experiment: string, finding: Finding): JudgedRequest | undefined {
  const { verdict, request, decision, evidence } = finding;
  if (!request || !decision) return undefined;
  return {
    ...{ ...request, experiment, verdict, decision, evidence },
    client: request.pod === undefined ? "you" : workloadOf(request.pod),
    words: `${request.method} ${request.path}${request.token ? " with a token" : ""}`,
    address: addressOf(request),
    answer: answerOf(request),
  };
}

/** Whether a request did not get what it asked for. A redirect is an answer, of the gateway itself. */
export const isRefused = ({ decision: { action } }: JudgedRequest): boolean =>
  action !== "answered" && action !== "redirected";

function addressOf({ to, target, url }: SentRequest): string {
  if (to === "service") return `Service ${target}`;
  return to === "pod" ? `${target}'s pod address` : `${url.startsWith("https:") ? "https://" : ""}${target}`;
}

function answerOf({ status, grpcStatus, error = "" }: SentRequest): string {
  if (status > 0) return `${status}${grpcStatus === undefined ? "" : `, grpc-status ${grpcStatus}`}`;
  if (/reset by peer/i.test(error)) return "connection reset";
  return /empty reply/i.test(error) ? "connection closed" : "no answer";
}

/** Lines of one source. */
export const linesOf = ({ evidence }: Pick<Finding, "evidence">, source: string): readonly string[] =>
  evidence.find((each) => each.source === source)?.lines ?? [];

/** Name of the Deployment that a pod's name begins with. */
const workloadOf = (pod: string): string => pod.replace(/-[a-f0-9]{5,10}-[a-z0-9]{5}$/, "");

/** Identities that the run's ztunnel lines vouch for, by workload. */
export function identitiesOf({ results }: Pick<VerifyReport, "results">): ReadonlyMap<string, string> {
  const lines = results
    .flatMap(({ findings }) => findings)
    .flatMap((finding) => linesOf(finding, "ztunnel log"))
    .flatMap((line) => parseConnectionLine(line) ?? []);
  return new Map(
    lines.flatMap(({ fields }) =>
      (["src", "dst"] as const).flatMap((side): [string, string][] => {
        const [workload, identity] = [fields[`${side}.workload`], fields[`${side}.identity`]];
        return workload && identity ? [[workloadOf(workload), identity.replace(/^spiffe:\/\//, "")]] : [];
      }),
    ),
  );
}
