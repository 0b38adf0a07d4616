import type { Connection, Decision, Finding, SentRequest, Verdict, VerifyReport } from "../../verify/report/schema";

/** A request of a run with its verdict and the records of the layers. */
export interface JudgedRequest extends SentRequest {
  experiment: string;
  verdict: Verdict;
  /** Such as "appa"; "you" is the machine that ran the verifier. */
  client: string;
  /** Method, path, and whether it had a token. */
  words: string;
  /** The destination as text. */
  address: string;
  /** Result for the client, such as "200" or "connection reset". */
  answer: string;
  decision: Decision;
  records: NonNullable<Finding["records"]>;
  connections: readonly Connection[];
}

/** The requests of a run, in its own order. */
export function requestsOf({ results }: Pick<VerifyReport, "results">): JudgedRequest[] {
  return results.flatMap(({ id, findings }) => findings.flatMap((finding) => requestOf(id, finding) ?? []));
}

function requestOf(experiment: string, finding: Finding): JudgedRequest | undefined {
  const { verdict, request, decision, records = {}, connections = [] } = finding;
  if (!request || !decision) return undefined;
  return {
    ...{ ...request, experiment, verdict, decision, records, connections },
    client: request.pod === undefined ? "you" : workloadOf(request.pod),
    words: `${request.method} ${request.path}${request.token ? " with a token" : ""}`,
    address: addressOf(request),
    answer: answerOf(request),
  };
}

/** Whether a request was refused. A redirect is an answer of the gateway. */
export const isRefused = ({ decision: { action } }: JudgedRequest): boolean =>
  action !== "answered" && action !== "redirected";

function addressOf({ to, target, url }: SentRequest): string {
  if (to === "service") return `Service ${target}`;
  return to === "pod" ? `${target}'s pod address` : `${url.startsWith("https:") ? "https://" : ""}${target}`;
}

function answerOf({ status, grpcStatus, curlExit }: SentRequest): string {
  if (status > 0) return `${status}${grpcStatus === undefined ? "" : `, grpc-status ${grpcStatus}`}`;
  // 56: failure in receiving network data; 52: the server closed the connection without an answer (curl(1), exit codes).
  if (curlExit === 56) return "connection reset";
  return curlExit === 52 ? "connection closed" : "no answer";
}

/** Name of the Deployment of a pod. */
const workloadOf = (pod: string): string => pod.replace(/-[a-f0-9]{5,10}-[a-z0-9]{5}$/, "");

/** Identities that ztunnel logged for the connections of a run, by workload. */
export function identitiesOf({ results }: Pick<VerifyReport, "results">): ReadonlyMap<string, string> {
  const connections = results.flatMap(({ findings }) => findings).flatMap((finding) => finding.connections ?? []);
  return new Map(
    connections
      .flatMap(({ source, destination }) => [source, destination])
      .flatMap(({ workload, identity }): [string, string][] =>
        workload && identity ? [[workloadOf(workload), identity]] : [],
      ),
  );
}
