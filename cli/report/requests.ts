import { parseConnectionLine } from "../../verify/parse/ztunnel-log";
import type { StoredFinding, StoredReport, StoredVerdict } from "./schema";

/** One request that a run sent, with all that the layers wrote down about it. */
export interface SentRequest {
  experiment: string;
  name: string;
  verdict: StoredVerdict;
  /** Such as "appa"; "you" is the machine that ran the proofs. */
  client: string;
  /** The client's pod; absent for this machine. */
  pod?: string;
  method: string;
  path: string;
  /** Host of the address, or the Host header. */
  host: string;
  to: "service" | "pod" | "gateway";
  /** What the client got, such as "200" or "reset". */
  answer: string;
  decision: NonNullable<StoredFinding["decision"]>;
  evidence: StoredFinding["evidence"];
}

/** The requests of a run, in its own order. */
export function requestsOf({ results }: StoredReport): SentRequest[] {
  return results.flatMap(({ id, findings }) => findings.flatMap((finding) => requestOf(id, finding) ?? []));
}

function requestOf(experiment: string, finding: StoredFinding): SentRequest | undefined {
  const { name, verdict, decision, evidence } = finding;
  const sent = linesOf(finding, "client")[0];
  const match = sent === undefined ? null : /^(\S+) (http:\/\/\S+) (?:from (\S+)|Host: (\S+))$/.exec(sent);
  if (!match || !decision) return undefined;
  const [, method = "", address = "", pod, header] = match;
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  return {
    ...{ experiment, name, verdict, decision, evidence, method },
    client: pod === undefined ? "you" : workloadOf(pod),
    ...(pod === undefined ? {} : { pod }),
    path: url.pathname,
    host: header ?? url.host,
    to: pod === undefined ? "gateway" : /^[\d.]+$/.test(url.hostname) ? "pod" : "service",
    answer: answerOf(linesOf(finding, "client")[1] ?? ""),
  };
}

/** Lines of one source. */
export const linesOf = ({ evidence }: Pick<StoredFinding, "evidence">, source: string): readonly string[] =>
  evidence.find((each) => each.source === source)?.lines ?? [];

/** Name of the Deployment that a pod's name begins with. */
export const workloadOf = (pod: string): string => pod.replace(/-[a-f0-9]{5,10}-[a-z0-9]{5}$/, "");

function answerOf(line: string): string {
  const status = /^(\d{3})\b/.exec(line)?.[1];
  if (status) return status;
  return /reset by peer/i.test(line)
    ? "connection reset"
    : /empty reply/i.test(line)
      ? "connection closed"
      : "no answer";
}

/** Identities that the run's ztunnel lines vouch for, by workload. */
export function identitiesOf({ results }: StoredReport): ReadonlyMap<string, string> {
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
