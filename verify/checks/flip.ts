import { principalOf } from "../../config/vocabulary";
import { outcomeAtWaypoint, request, usualMethod } from "../../experiments/requests";
import type { VerifyContext } from "../context";
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
export const flip: CheckRun<"flip"> = async (context) => {
  const { settings } = context.facts;
  const appa = request(settings, "appa", usualMethod(settings));
  const gateway = request(settings, "host", usualMethod(settings));
  const findings: Finding[] = [];
  const before = await runProbe(context, { ...appa, name: `before: ${appa.name}` });
  if (before.verdict === "fail") return [before];
  try {
    await change(context.lab, withoutAppa, context.signal);
    findings.push(before, await programmed(context, "the waypoint forgets appa", false));
    const refusal = outcomeAtWaypoint({ ...settings, allowedCallers: [] }, "appa", appa.method);
    const [out, still] = await Promise.all([
      runProbe(context, { ...appa, name: "without appa: appa is refused", expect: refusal }),
      runProbe(context, { ...gateway, name: `without appa: ${gateway.name}` }),
    ]);
    findings.push(out, still);
  } finally {
    findings.push(await restore(context, withoutAppa.object, "the policy is as it was"));
  }
  findings.push(await programmed(context, "the waypoint knows appa again", true));
  findings.push(await runProbe(context, { ...appa, name: `after: ${appa.name}` }));
  return findings;
};

/** The gate before a negative: the waypoint's own configuration shows the change, and serves everybody. */
const programmed = (context: VerifyContext, name: string, known: boolean): Promise<Finding> =>
  gate(context, name, "waypoint", async () => {
    const named = (await programmedPairs(context)).some((pair) => pair.endsWith(principalOf("appa")));
    if (named !== known) return `its RBAC filter ${named ? "still names" : "does not name"} appa`;
    await requireDrained(context);
    return undefined;
  });
