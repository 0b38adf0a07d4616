import { labelKeys } from "../../config/vocabulary";
import type { Probe, Protection, Stage } from "../../experiments/types";
import type { VerifyContext } from "../context";
import { entriesAt } from "../json";
import { isPositive, runProbe } from "../probe/probe";
import type { Finding } from "../report/schema";
import { type Change, change } from "../restore/change";
import { restore } from "../restore/restore";
import type { CheckRun } from "./check";
import { gate } from "./gate";
import { gatewayTargets } from "./proxies";
import { beside, policiesOn, waypointOf } from "./ztunnel";

const waypointLabels: readonly string[] = [labelKeys.useWaypoint, labelKeys.ingressUseWaypoint];

/** How each protection is removed: the policy selects no pod, the Service no longer names its waypoint. */
const guards: Record<Protection, Change> = {
  policy: {
    object: "AuthorizationPolicy/appb-waypoint-only",
    field: ["spec", "selector", "matchLabels"],
    to: () => ({ app: "nobody" }),
  },
  waypoint: {
    object: "Service/appb",
    field: ["metadata", "labels"],
    to: (labels) => Object.fromEntries(entriesAt(labels).filter(([key]) => !waypointLabels.includes(key))),
  },
};

/** Plays the stages in turn, and puts both guards back whatever happens: the policy first, for it shuts every door. */
export const failOpen: CheckRun<"fail-open"> = async (context, { stages }) => {
  const findings: Finding[] = [];
  const good = () => findings.every(({ verdict }) => verdict === "pass");
  try {
    for (const act of stages) {
      // Where the lab is not what the next act builds upon, there is nothing to be learned, and a door to be shut.
      if (!good()) break;
      findings.push(...(await play(context, act)));
    }
  } finally {
    findings.push(await restore(context, guards.policy.object, "the policy is as it was"));
    findings.push(await restore(context, guards.waypoint.object, "Service appb is as it was"));
  }
  return findings;
};

async function play(context: VerifyContext, act: Stage): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (act.takes) {
    await change(context.lab, guards[act.takes], context.signal);
    findings.push(await known(context, act.takes, false));
  }
  if (act.returns) {
    findings.push(await restore(context, guards[act.returns].object, `${act.name}: put back`));
    findings.push(await known(context, act.returns, true));
  }
  if (findings.some(({ verdict }) => verdict !== "pass")) return findings;
  const probes = act.probes.map((probe): Probe => ({ ...probe, name: `${act.name}: ${probe.name}` }));
  for (const round of [probes.filter(isPositive), probes.filter((probe) => !isPositive(probe))])
    findings.push(...(await Promise.all(round.map((probe) => runProbe(context, probe)))));
  return findings;
}

/** Whether the proxies that enforce a protection have it in their configuration, or no longer have it. */
function known(context: VerifyContext, guard: Protection, there: boolean): Promise<Finding> {
  const miss = (what: string) => `${what} ${there ? "does not know it" : "still knows it"}`;
  if (guard === "policy") {
    const name = there ? "appb's ztunnel has the policy again" : "appb's ztunnel has lost the policy";
    return gate(context, name, "ztunnel", async () => {
      const { pod, policies } = await policiesOn(context, "appb");
      return policies.includes("default/appb-waypoint-only") === there ? undefined : miss(pod.name);
    });
  }
  const name = there ? "callers are sent to the waypoint again" : "callers are no longer sent to the waypoint";
  return gate(context, name, "ztunnel", async () => {
    for (const role of ["appa", "stranger"] as const) {
      const { pod, dump } = await beside(context, role);
      if ((waypointOf(dump) !== "none") !== there) return miss(pod.name);
    }
    const { through } = await gatewayTargets(context);
    return through === there ? undefined : miss("the gateway");
  });
}
