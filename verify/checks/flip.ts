import { principalOf } from "../../config/vocabulary";
import { outcomeAtWaypoint, request, usualMethod } from "../../experiments/requests";
import type { VerifyContext } from "../context";
import { at, listAt, textsAt } from "../json";
import { runProbe } from "../probe/probe";
import type { Finding } from "../report/schema";
import { type Change, change } from "../restore/change";
import type { CheckRun } from "./check";
import { gate } from "./gate";
import { chainOf, declaredRules, placeOf, requireDrained, ruleDifferences } from "./proxies";
import { whileChanged } from "./while-changed";

const withoutAppa: Change = {
  object: "AuthorizationPolicy/appb-l7",
  field: ["spec", "rules"],
  to: (rules) => withoutAppaIn(rules),
};

const withoutAppaIn = (rules: unknown) => withoutPrincipal(listAt(rules), principalOf("appa"));

/** Removes appa from the policy, sends requests, and restores the policy in any case. */
export const flip: CheckRun<"flip"> = async (context, { name }) => {
  const { settings } = context.facts;
  const appa = request(settings, "appa", usualMethod(settings));
  const gateway = request(settings, "host", usualMethod(settings));
  const before = await runProbe(context, { ...appa, name: `before: ${appa.name}` });
  if (before.verdict === "fail") return [before];
  const restored = [[withoutAppa.object, "the policy is as it was"]] as const;
  const findings = await whileChanged(context, name, restored, async (found) => {
    found.push(before);
    await change(context.lab, withoutAppa, context.signal);
    found.push(await programmed(context, "the waypoint has the policy without appa", false));
    const refusal = outcomeAtWaypoint({ ...settings, allowedCallers: [] }, "appa", appa.method);
    const [out, still] = await Promise.all([
      runProbe(context, { ...appa, name: "without appa: appa is refused", expect: refusal }),
      runProbe(context, { ...gateway, name: `without appa: ${gateway.name}` }),
    ]);
    found.push(out, still);
  });
  findings.push(await programmed(context, "the waypoint has the policy with appa again", true));
  findings.push(await runProbe(context, { ...appa, name: `after: ${appa.name}` }));
  return findings;
};

/** The gate before requests: the waypoint has the declared rules, with or without appa, and no draining connections. */
const programmed = (context: VerifyContext, name: string, withAppa: boolean): Promise<Finding> =>
  gate(context, name, "waypoint", async () => {
    const { chain } = await chainOf(context, "appb");
    const declared = context.facts.declared.map((object) =>
      withAppa || object.kind !== "AuthorizationPolicy" || object.metadata.name !== "appb-l7"
        ? object
        : { ...object, spec: { ...Object(object.spec), rules: withoutAppaIn(at(object, "spec", "rules")) } },
    );
    const [difference] = ruleDifferences(declaredRules(placeOf("appb", declared), declared), chain.rbac);
    if (difference) return `its RBAC filter: ${difference}`;
    await requireDrained(context);
    return undefined;
  });

/**
 * The rules of an ALLOW policy without one identity. A source without other principals is removed, and so is a rule
 * without remaining sources: a rule without sources would allow every caller.
 */
export function withoutPrincipal(rules: readonly unknown[], principal: string): unknown[] {
  return rules.flatMap((rule) => {
    const sources = listAt(rule, "from");
    if (sources.length === 0) return [rule];
    const left = sources.flatMap((source) => sourceWithout(source, principal));
    return left.length > 0 ? [{ ...Object(rule), from: left }] : [];
  });
}

function sourceWithout(source: unknown, principal: string): unknown[] {
  const principals = textsAt(source, "source", "principals");
  if (!principals.includes(principal)) return [source];
  const left = principals.filter((item) => item !== principal);
  if (left.length === 0) return [];
  return [{ ...Object(source), source: { ...Object(at(source, "source")), principals: left } }];
}
