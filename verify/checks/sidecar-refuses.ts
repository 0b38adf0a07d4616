import { serverOf } from "../../modules/cost/objects";
import { DeadlineError, eventually } from "../eventually";
import { recordsIn, unavailableIn } from "../logs/log-reader";
import { sidecarOf } from "../pods";
import { rbacBody } from "../probe/decision";
import { logLimit } from "../probe/records";
import { send } from "../probe/send";
import { type CheckRun, failed, passed, unclear } from "./check";

/** Verifies that the server's sidecar refuses a method that its policy does not allow, by the answer and the sidecar's access log. */
export const sidecarRefuses: CheckRun<"sidecar-refuses"> = async (context, { name }) => {
  const sidecars = (await context.podFinder.all(serverOf("sidecar"), context.signal)).map(sidecarOf);
  const answer = await send(
    context,
    {
      ...({ kind: "probe", name, from: "cost-sidecar-client", to: "service", service: "cost-sidecar" } as const),
      ...({ method: "POST", path: "/anything", expect: { outcome: "answered", through: [] } } as const),
    },
    context.signal,
  );
  const look = async () => {
    const reads = await Promise.all(sidecars.map((pod) => context.logs.read(pod)));
    const [line] = recordsIn(reads, "requests", ({ text }) => text.includes(answer.id));
    if (!line) throw new Error(unavailableIn(reads)?.unavailable ?? `no line with ${answer.id}`);
    return line;
  };
  const waiting = { what: "the line of the request", deadlineMs: logLimit(context, [answer]) };
  const seen = `${answer.status || "no answer"} ${answer.body.trim()}`;
  const expected = "403 by the sidecar of the server, AuthorizationPolicy cost-sidecar-l7";
  try {
    const line = await eventually(look, { ...waiting, signal: context.signal, clock: context.clock });
    const evidence = [{ source: "sidecar log", lines: [line.text] }];
    const refused = answer.status === 403 && answer.body === rbacBody && line.details.startsWith("rbac_access_denied");
    if (refused) return [passed(name, "sidecar", `${seen}: ${line.details}`, { evidence })];
    return [failed(name, "sidecar", `${seen}: ${line.status} ${line.details}`, { expected, evidence })];
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    // Without a record it is not proven that the sidecar refused the request; an answer is wrong in any case.
    const make = answer.status === 403 ? unclear : failed;
    return [make(name, "sidecar", `${seen}; ${error.message}`, { expected })];
  }
};
