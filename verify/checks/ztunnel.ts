import { appNamespace, principalOf, serviceHost, waypointName } from "../../config/vocabulary";
import { appbHost, workloads } from "../../experiments/names";
import type { AppName } from "../../experiments/slices";
import type { WorkloadEntry } from "../../modules/slice";
import type { VerifyContext } from "../context";
import { ztunnelPoliciesOf } from "../declared/authorization";
import type { LabPod, PodRole } from "../pods";
import { PreconditionError } from "../precondition-error";
import { conditionText, differences } from "../proxy-config/condition";
import { ztunnelDump } from "../proxy-config/read";
import type { ZtunnelDump, ZtunnelPolicy } from "../proxy-config/ztunnel-dump";
import { type CheckRun, failed, listed, passed } from "./check";

/** Every ready ztunnel with its configuration. */
async function readyZtunnels(context: VerifyContext): Promise<{ pod: LabPod; dump: ZtunnelDump }[]> {
  const pods = (await context.podFinder.all("ztunnel", context.signal)).filter(({ ready }) => ready);
  if (pods.length === 0) throw new PreconditionError("ztunnel", "no ready pod of ztunnel");
  return Promise.all(pods.map(async (pod) => ({ pod, dump: await ztunnelDump(context, pod) })));
}

/** The ztunnel on the node of an application. */
export async function ztunnelOf(context: VerifyContext, role: PodRole): Promise<{ pod: LabPod; dump: ZtunnelDump }> {
  const clientPod = await context.podFinder.one(role, context.signal);
  const pod = await context.podFinder.ztunnelOn(clientPod.node, context.signal);
  if (!pod) throw new PreconditionError("ztunnel", `no ready ztunnel on ${clientPod.node}, the node of ${role}`);
  return { pod, dump: await ztunnelDump(context, pod) };
}

/** Verifies that ztunnel's workload list has the members of the mesh with HBONE, and other workloads with TCP. */
export const enrolment: CheckRun<"enrolment"> = async (context, { name, hbone, plain }) => {
  const wanted = [
    ...hbone.map((account) => ({ account, protocol: "HBONE" })),
    ...plain.map((account) => ({ account, protocol: "TCP" })),
  ];
  const lists = await readyZtunnels(context);
  const rows = lists.flatMap(({ pod, dump }) =>
    wanted.map(({ account, protocol }) => {
      const found = dump.workloads.filter((item) => item.namespace === appNamespace && item.account === account);
      const protocols = [...new Set(found.map((item) => item.protocol))].join("+") || "unknown";
      return { text: `${pod.name}: ${account} ${protocols}`, right: protocols === protocol };
    }),
  );
  const wrong = rows.filter(({ right }) => !right).map(({ text }) => text);
  const evidence = [{ source: "ztunnel workloads", lines: rows.map(({ text }) => text) }];
  if (wrong.length === 0) return [passed(name, "ztunnel", `the same on ${lists.length} ztunnels`, { evidence })];
  const expected = wanted.map(({ account, protocol }) => `${account} ${protocol}`).join(", ");
  return [failed(name, "ztunnel", listed(wrong), { expected, evidence })];
};

/** The waypoint of Service appb in a ztunnel's configuration; "none" without one. */
export const waypointOf = (dump: ZtunnelDump): string =>
  dump.services.find(({ hostname, namespace }) => hostname === appbHost && namespace === appNamespace)?.waypoint ??
  "none";

/** Name of the waypoint in ztunnel's configuration. */
const attached = `${appNamespace}/${serviceHost(waypointName)}`;

/** Verifies that the caller's ztunnel sends requests for Service appb to the waypoint. */
export const waypointAttached: CheckRun<"waypoint-attached"> = async (context, { name }) => {
  const { pod, dump } = await ztunnelOf(context, "appa");
  const waypoint = waypointOf(dump);
  const seen = `${pod.name}: ${appbHost} has waypoint ${waypoint}`;
  const evidence = [{ source: "ztunnel services", lines: [seen] }];
  if (waypoint === attached) return [passed(name, "ztunnel", seen, { evidence })];
  return [failed(name, "waypoint", seen, { expected: attached, evidence })];
};

/** Verifies that the ztunnel on the node of each application has a certificate for its identity. */
export const certificates: CheckRun<"certificates"> = async (context, { accounts }) => {
  const now = await context.lab.serverTime(context.signal);
  const roles = accounts.filter((item) => item === "appa" || item === "appb" || item === "stranger");
  return Promise.all(
    roles.map(async (account) => {
      const identity = `spiffe://${principalOf(account)}`;
      const { pod, dump } = await ztunnelOf(context, account);
      const found = dump.certificates.find((item) => item.identity === identity);
      const others = dump.certificates.map((item) => item.identity);
      const none = `${pod.name} has no certificate for ${identity}, only for ${listed(others)}`;
      const seen = found ? `${found.state}, until ${found.expires}` : none;
      const evidence = [{ source: "ztunnel certificates", lines: [`${pod.name}: ${identity} ${seen}`] }];
      const name = `certificate of ${account}`;
      // The clock of the cluster applies, since the peers of the workload validate the certificate.
      const good = found?.state === "Available" && Date.parse(found.expires) > now;
      if (good) return passed(name, "ztunnel", seen, { evidence });
      return failed(name, "ztunnel", seen, { expected: "Available and not expired", evidence });
    }),
  );
};

/** Policies that select an application's pod, in the configuration of the ztunnel on its node. */
export async function policiesOn(
  context: VerifyContext,
  app: AppName,
): Promise<{ pod: LabPod; dump: ZtunnelDump; policies: readonly string[] }> {
  const [{ pod, dump }, { ip }] = await Promise.all([
    ztunnelOf(context, app),
    context.podFinder.one(app, context.signal),
  ]);
  return { pod, dump, policies: dump.workloads.find(({ ips }) => ips.includes(ip))?.policies ?? [] };
}

/** The policies of a ztunnel that apply to a pod: of its workload, of its namespace, and of the mesh. */
const appliedTo = (dump: ZtunnelDump, named: readonly string[], ofNamespace: string): ZtunnelPolicy[] =>
  dump.policies.filter(
    ({ scope, namespace, name }) =>
      named.includes(`${namespace}/${name}`) ||
      scope === "Global" ||
      (scope === "Namespace" && namespace === ofNamespace),
  );

const policyText = ({ namespace, name, scope, action, dryRun, condition }: ZtunnelPolicy): string =>
  `${namespace}/${name} (${scope}${dryRun ? ", dry run" : ""}): ${action} ${conditionText(condition)}`;

/** Verifies that the pod's ztunnel has exactly the policies that the stack declares for the pod. */
export const podPolicies: CheckRun<"pod-policies"> = async (context, { name, app }) => {
  const { namespace = appNamespace, app: label = app }: WorkloadEntry = workloads[app];
  const { pod, dump, policies } = await policiesOn(context, app);
  const declared = ztunnelPoliciesOf(context.facts.declared, { namespace, labels: { app: label } });
  const found = appliedTo(dump, policies, namespace);
  const same = (a: ZtunnelPolicy) => (b: ZtunnelPolicy) => a.name === b.name && a.namespace === b.namespace;
  const head = ({ scope, action, dryRun }: ZtunnelPolicy) => `${action}, ${scope}${dryRun ? ", dry run" : ""}`;
  const differing = [
    ...policies
      .filter((key) => !found.some((each) => key === `${each.namespace}/${each.name}`))
      .map((key) => `names AuthorizationPolicy ${key}, which it does not have`),
    ...found.flatMap((policy) => {
      const wanted = declared.find(same(policy));
      const called = `AuthorizationPolicy ${policy.namespace}/${policy.name}`;
      if (!wanted) return [`${called} is not declared: ${policyText(policy)}`];
      const heads = head(wanted) === head(policy) ? [] : [`is ${head(policy)}, declared is ${head(wanted)}`];
      return [...heads, ...differences(wanted.condition, policy.condition)].map((each) => `${called} ${each}`);
    }),
    ...declared.filter((policy) => !found.some(same(policy))).map((policy) => `lacks ${policyText(policy)}`),
  ];
  const evidence = [{ source: `policies on ${app} at ${pod.name}`, lines: found.map(policyText) }];
  const names = listed(found.map((each) => `${each.namespace}/${each.name}`));
  if (differing.length === 0)
    return [passed(name, "ztunnel", `${pod.name}: ${names} on ${app}, as declared`, { evidence })];
  const expected = listed(declared.map(policyText));
  return [failed(name, "ztunnel", `${pod.name}: ${differing.join("; ")}`, { expected, evidence })];
};
