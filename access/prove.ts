import { durationMs } from "../config/vocabulary";
import { ExitCode, LabErrors, type Problem } from "../host/errors";
import { judgeShare, type ShareTest, shareTest, shareWords } from "../verify/binomial";
import type { Clock } from "../verify/eventually";
import { isRecord, parsedJson } from "../verify/json";
import { delayedFromMs } from "../verify/lab-facts";
import type { ExperimentResult, Finding, VerifyReport } from "../verify/report/schema";
import { type Ask, ask, type Limits } from "./ask";
import type { Observation } from "./probe/observe";
import type { RunOptions } from "./probe/run";
import type { ParsedQuestions } from "./questions/parse";
import { questionText, requestOf, UnresolvedError } from "./questions/resolve";
import { type Expected, expectedOf, type Question } from "./questions/schema";
import { accessReport, requestFinding } from "./report";
import type { AccessDecision, AccessRequest, Mesh } from "./types";

/** A question of a file as a request of this mesh. */
export interface PlannedQuestion {
  /** In the report: the file and the number of the question. */
  id: string;
  title: string;
  question: Question;
  expected: Expected;
  request: AccessRequest;
  token?: string;
  /** The policy that has to deny the request, as decisions name it. */
  policy?: string;
  /** The test of a share, for a delay that hits a part of the requests. */
  share?: ShareTest;
}

/** Probability that a sample of the claimed share fails. */
const falseAlarm = 0.001;

/**
 * Resolves the questions of files in a mesh.
 * @throws LabErrors (exit code 2) with every sender, destination and token that there is not, and its place
 */
export function planQuestions(
  mesh: Mesh,
  files: readonly ParsedQuestions[],
  env: Readonly<Record<string, string | undefined>>,
): PlannedQuestion[] {
  const problems: Problem[] = [];
  const planned = files.flatMap((file) =>
    file.questions.flatMap((question, index): PlannedQuestion[] => {
      try {
        const token = tokenOf(question, env);
        const request = { ...requestOf(mesh, question, file.namespace), ...claimsOf(token) };
        const expected = expectedOf(question.expect);
        return [
          {
            ...{ id: `${file.file}#${index + 1}`, title: questionText(question, request), question, expected, request },
            ...(token === undefined ? {} : { token }),
            ...(question.policy === undefined ? {} : { policy: policyName(question.policy, file.namespace) }),
            ...(expected.outcome === "delayed" ? { share: shareTest(expected.percent, falseAlarm) } : {}),
          },
        ];
      } catch (error) {
        if (!(error instanceof UnresolvedError || error instanceof RangeError)) throw error;
        const field = error instanceof UnresolvedError ? error.field : ["expect"];
        problems.push({
          what: `${file.place("questions", index, ...field)}: ${error.message}`,
          why: "The question cannot be asked, and a run without it would not answer the file",
          fix: "npm run lab -- reach   (shows the senders and Services that there are)",
        });
        return [];
      }
    }),
  );
  if (problems.length > 0) throw new LabErrors(problems, ExitCode.usage);
  return planned;
}

const policyName = (text: string, namespace: string): string =>
  `AuthorizationPolicy ${text.includes("/") ? text : `${namespace}/${text}`}`;

function tokenOf({ to }: Question, env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (!to.token) return undefined;
  const token = env[to.token.env];
  if (token) return token;
  throw new UnresolvedError(`the environment variable ${to.token.env} is not set`, ["to", "token"]);
}

/** The claims of a token, for the computed decision. The signature is not verified. */
function claimsOf(token: string | undefined): Pick<AccessRequest, "claims"> {
  const [, payload = ""] = token?.split(".") ?? [];
  const claims = parsedJson(Buffer.from(payload, "base64url").toString("utf8"));
  return isRecord(claims) ? { claims } : {};
}

/** Requests that the questions send at most. */
export const requestCount = (planned: readonly PlannedQuestion[]): number =>
  planned.reduce((sum, { share }) => sum + (share ? (share.looks.at(-1)?.sent ?? 1) : 1), 0);

/** The requests of one round of a question. */
export const asksOf = ({ request, token, share }: PlannedQuestion): Ask[] =>
  Array.from({ length: share?.batch ?? 1 }, () => ({ request, ...(token === undefined ? {} : { token }) }));

/** Options of a run of questions. */
export interface ProveOptions extends Omit<RunOptions, "concurrency"> {
  limits: Limits;
  clock: Clock;
  /** Name of the mesh in the report: the context of its kubeconfig. */
  context: string;
}

/** Asks the questions, and reports them as `verify` reports experiments. */
export async function prove(planned: readonly PlannedQuestion[], options: ProveOptions): Promise<VerifyReport> {
  const { clock, mesh, limits, context } = options;
  const started = clock.now();
  const seen = new Map<PlannedQuestion, Observation[]>(planned.map((question) => [question, []]));
  let open = [...planned];
  for (let round = 1; open.length > 0; round += 1) {
    const asks = open.flatMap((question) => asksOf(question).map((each) => ({ question, each })));
    const observations = await ask(
      asks.map(({ each }) => each),
      limits,
      options,
    );
    for (const [index, { question }] of asks.entries()) {
      const observation = observations[index];
      if (!observation) continue;
      // A question with a single request repeats it once if it has no record; the second observation counts.
      if (!question.share) seen.set(question, [observation]);
      else seen.get(question)?.push(observation);
    }
    open = open.filter((question) => needsMore(question, seen.get(question) ?? [], round));
  }
  const durationMs = clock.now() - started;
  const results = planned.map((question) => resultOf(question, seen.get(question) ?? [], durationMs));
  return accessReport({ mesh, context, startedAt: started, durationMs }, results);
}

function needsMore({ share, expected }: PlannedQuestion, observations: readonly Observation[], round: number): boolean {
  if (!share) return round === 1 && observations.some(({ decision }) => decision.outcome === "unknown");
  if (observations.some(({ decision }) => decision.outcome !== "allowed")) return false;
  return judgeShare(share, observations.length, delayedOf(expected, observations)).verdict === "open";
}

const delayedOf = (expected: Expected, observations: readonly Observation[]): number =>
  observations.filter(
    ({ answer }) =>
      expected.outcome === "delayed" && (answer?.seconds ?? 0) * 1000 >= delayedFromMs(durationMs(expected.delay)),
  ).length;

/** The result of a question, in the form of an experiment's. */
function resultOf(planned: PlannedQuestion, observations: readonly Observation[], ms: number): ExperimentResult {
  const finding = findingOf(planned, observations);
  return {
    ...{ id: planned.id, title: planned.title, verdict: finding.verdict, causes: [], findings: [finding] },
    ...(finding.verdict === "pass" ? {} : { layer: finding.layer }),
    durationMs: ms,
  };
}

function findingOf(
  { title, expected, question, policy, share }: PlannedQuestion,
  observations: readonly Observation[],
): Finding {
  const [first] = observations.filter(({ decision }) => decision.outcome !== "allowed");
  const shown = first ?? observations[0];
  if (!shown)
    return { name: title, verdict: "inconclusive", layer: "client", seen: "no request was sent", evidence: [] };
  const delayed = delayedOf(expected, observations);
  const judgement = { expected, policy, decision: shown.decision, share, sent: observations.length, delayed };
  return requestFinding(title, judged(judgement), shown, {
    expected: `${question.expect}${policy ? `, ${policy}` : ""}`,
    ...(expected.outcome === "denied" && expected.by !== undefined ? { layer: expected.by } : {}),
    ...(share ? { seen: `; ${delayed} of ${observations.length} delayed (${shareWords(share)})` } : {}),
  });
}

interface Judged {
  expected: Expected;
  policy: string | undefined;
  decision: AccessDecision;
  share: ShareTest | undefined;
  sent: number;
  delayed: number;
}

/** A request without a record is inconclusive, whatever was expected. */
function judged({ expected, policy, decision, share, sent, delayed }: Judged): Finding["verdict"] {
  if (decision.outcome === "unknown") return "inconclusive";
  if (expected.outcome === "delayed") {
    if (decision.outcome !== "allowed" || !share) return "fail";
    return judgeShare(share, sent, delayed).verdict === "pass" ? "pass" : "fail";
  }
  if (decision.outcome !== expected.outcome) return "fail";
  if (expected.outcome === "denied" && expected.by !== undefined && decision.by !== expected.by) return "fail";
  if (policy === undefined) return "pass";
  // Envoy names no policy when no ALLOW rule matches.
  if (decision.policy === undefined) return "inconclusive";
  return decision.policy === policy ? "pass" : "fail";
}
