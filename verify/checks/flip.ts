import { principalOf } from "../../experiments/names";
import { fateAtWaypoint, request, usualMethod } from "../../experiments/requests";
import type { Bench } from "../context";
import { listAt } from "../json";
import { runProbe } from "../probe/probe";
import type { Finding } from "../report/schema";
import { type Change, change } from "../restore/change";
import { restore } from "../restore/restore";
import { withoutPrincipal } from "../restore/without-principal";
import type { CheckRun } from "./check";
import { requireDrained } from "./drain";
import { gate } from "./gate";
import { programmedPairs } from "./proxies";

const withoutAppa: Change = {
  object: "AuthorizationPolicy/appb-l7",
  field: ["spec", "rules"],
  to: (rules) => withoutPrincipal(listAt(rules), principalOf("appa")),
};

/** Takes appa out of the policy, looks, and puts it back whatever happens. */
export const flip: CheckRun<"flip"> = async (bench) => {
  const { settings } = bench.facts;
  const appa = request(settings, "appa", usualMethod(settings));
  const gateway = request(settings, "host", usualMethod(settings));
  const findings: Finding[] = [];
  const before = await runProbe(bench, { ...appa, name: `before: ${appa.name}` });
  if (before.verdict === "fail") return [before];
  try {
    await change(bench.world, withoutAppa, bench.signal);
    findings.push(before, await programmed(bench, "the waypoint forgets appa", false));
    const refusal = fateAtWaypoint({ ...settings, allowedCallers: [] }, "appa", appa.method);
    const [out, still] = await Promise.all([
      runProbe(bench, { ...appa, name: "without appa: appa is refused", expect: refusal }),
      runProbe(bench, { ...gateway, name: `without appa: ${gateway.name}` }),
    ]);
    findings.push(out, still);
  } finally {
    findings.push(await restore(bench, withoutAppa.object, "the policy is as it was"));
  }
  findings.push(await programmed(bench, "the waypoint knows appa again", true));
  findings.push(await runProbe(bench, { ...appa, name: `after: ${appa.name}` }));
  return findings;
};

/** The gate before a negative: the waypoint's own configuration shows the change, and serves everybody. */
const programmed = (bench: Bench, name: string, known: boolean): Promise<Finding> =>
  gate(bench, name, "waypoint", async () => {
    const named = (await programmedPairs(bench)).some((pair) => pair.endsWith(principalOf("appa")));
    if (named !== known) return `its RBAC filter ${named ? "still names" : "does not name"} appa`;
    await requireDrained(bench);
    return undefined;
  });
