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
import { goesThroughWaypoint } from "./proxies";
import { whileChanged } from "./while-changed";
import { policiesOn, waypointOf, ztunnelOf } from "./ztunnel";

const waypointLabels: readonly string[] = [labelKeys.useWaypoint, labelKeys.ingressUseWaypoint];

/** The change that removes each protection: the policy selects no pod; the Service has no waypoint labels. */
const protections: Record<Protection, Change> = {
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

/** Runs the stages in order, and always restores both protections. The policy is restored first, because it refuses all direct requests. */
export const failOpen: CheckRun<"fail-open"> = (context, { name, stages }) => {
  const restored = [
    [protections.policy.object, "the policy is as it was"],
    [protections.waypoint.object, "Service appb is as it was"],
  ] as const;
  return whileChanged(context, name, restored, async (findings) => {
    for (const stage of stages) {
      // The next stage requires the state that this stage verified.
      if (findings.some(({ verdict }) => verdict !== "pass")) break;
      findings.push(...(await runStage(context, stage)));
    }
  });
};

async function runStage(context: VerifyContext, stage: Stage): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (stage.takes) {
    await change(context.lab, protections[stage.takes], context.signal);
    findings.push(await configured(context, stage.takes, false));
  }
  if (stage.returns) {
    findings.push(await restore(context, protections[stage.returns].object, `${stage.name}: put back`));
    findings.push(await configured(context, stage.returns, true));
  }
  if (findings.some(({ verdict }) => verdict !== "pass")) return findings;
  const probes = stage.probes.map((probe): Probe => ({ ...probe, name: `${stage.name}: ${probe.name}` }));
  for (const round of [probes.filter(isPositive), probes.filter((probe) => !isPositive(probe))])
    findings.push(...(await Promise.all(round.map((probe) => runProbe(context, probe)))));
  return findings;
}

/** Waits until the proxies that enforce a protection have it in their configuration, or no longer have it. */
function configured(context: VerifyContext, protection: Protection, there: boolean): Promise<Finding> {
  const miss = (what: string) => `${what} ${there ? "does not have it" : "still has it"}`;
  if (protection === "policy") {
    const name = there ? "appb's ztunnel has the policy again" : "appb's ztunnel has lost the policy";
    return gate(context, name, "ztunnel", async () => {
      const { pod, policies } = await policiesOn(context, "appb");
      return policies.includes("default/appb-waypoint-only") === there ? undefined : miss(pod.name);
    });
  }
  const name = there ? "callers are sent to the waypoint again" : "callers are no longer sent to the waypoint";
  return gate(context, name, "ztunnel", async () => {
    for (const role of ["appa", "stranger"] as const) {
      const { pod, dump } = await ztunnelOf(context, role);
      if ((waypointOf(dump) !== "none") !== there) return miss(pod.name);
    }
    const through = await goesThroughWaypoint(context);
    return through === there ? undefined : miss("the gateway");
  });
}
