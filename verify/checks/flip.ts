import { messageOf } from "../../errors";
import { principalOf } from "../../experiments/names";
import { fateAtWaypoint, request, usualMethod } from "../../experiments/requests";
import type { Bench } from "../bench";
import { DeadlineError, eventually } from "../eventually";
import { Obstacle } from "../obstacle";
import { flippedBy, putBack, takeOut } from "../policy/flip";
import { runProbe } from "../probes";
import type { Finding } from "../report";
import { type CheckRun, failed, passed } from "./check";
import { programmedPairs } from "./proxies";

/** Takes appa out of the policy, looks, and puts it back whatever happens. */
export const flip: CheckRun<"flip"> = async (bench, { name }) => {
  const { settings } = bench.facts;
  const appa = request(settings, "appa", usualMethod(settings));
  const gateway = request(settings, "host", usualMethod(settings));
  const findings: Finding[] = [];
  const before = await runProbe(bench, { ...appa, name: `before: ${appa.name}` });
  if (before.verdict === "fail") return [before];
  try {
    await takeOut(bench.world, "appa", bench.signal);
    findings.push(before, await programmed(bench, "the waypoint forgets appa", false));
    const refusal = fateAtWaypoint({ ...settings, allowedCallers: [] }, "appa", appa.method);
    const [out, still] = await Promise.all([
      runProbe(bench, { ...appa, name: "without appa: appa is refused", expect: refusal }),
      runProbe(bench, { ...gateway, name: `without appa: ${gateway.name}` }),
    ]);
    findings.push(out, still);
  } finally {
    findings.push(await restore(bench, name));
  }
  findings.push(await programmed(bench, "the waypoint knows appa again", true));
  findings.push(await runProbe(bench, { ...appa, name: `after: ${appa.name}` }));
  return findings;
};

/** The gate before a negative: the waypoint's own configuration shows the change. */
async function programmed(bench: Bench, name: string, known: boolean): Promise<Finding> {
  const { convergeMs, intervalMs, streak } = bench.timings;
  try {
    await eventually(
      async () => {
        const named = (await programmedPairs(bench)).some((pair) => pair.endsWith(principalOf("appa")));
        if (named !== known)
          throw new Error(`its RBAC filter ${named ? "still" : "does not"} name${named ? "s" : ""} appa`);
      },
      { what: name, deadlineMs: convergeMs, intervalMs, streak, signal: bench.signal, clock: bench.clock },
    );
    return passed(name, "waypoint", "as its RBAC filter says");
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    const unseen = error.cause instanceof Obstacle && error.cause.verdict === "inconclusive";
    const finding = failed(name, unseen ? "waypoint" : "istiod", error.message, {
      expected: "the change within seconds",
    });
    return unseen ? { ...finding, verdict: "inconclusive" } : finding;
  }
}

/** Puts the policy back on a signal of its own: an interrupted run must do it too. */
async function restore(bench: Bench, what: string): Promise<Finding> {
  const name = "the policy is as it was";
  const lasting = new AbortController().signal;
  try {
    await eventually(
      async (signal) => {
        await putBack(bench.world, signal);
        if (await flippedBy(bench.world, signal)) throw new Error("the annotation is still there");
      },
      { what, deadlineMs: bench.timings.restoreMs, signal: lasting, clock: bench.clock },
    );
    return passed(name, "api-server", "rules and owners of the fields restored");
  } catch (error) {
    const seen = `AuthorizationPolicy appb-l7 is still changed: ${messageOf(error)}`;
    return failed(name, "api-server", seen, { expected: "restored (the next run of verify, or pulumi up, does it)" });
  }
}
