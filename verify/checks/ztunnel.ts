import { appNamespace, principalOf, serviceHost, waypointName } from "../../config/vocabulary";
import { appbHost } from "../../experiments/names";
import type { AppName } from "../../experiments/slices";
import type { VerifyContext } from "../context";
import type { LabPod, PodRole } from "../pods";
import { PreconditionError } from "../precondition-error";
import { ztunnelDump } from "../proxy-config/read";
import type { ZtunnelDump, ZtunnelPolicy } from "../proxy-config/ztunnel-dump";
import { type CheckRun, failed, listed, passed } from "./check";

/** Every ready ztunnel with its configuration. */
async function known(context: VerifyContext): Promise<{ pod: LabPod; dump: ZtunnelDump }[]> {
  const pods = (await context.podFinder.all("ztunnel", context.signal)).filter(({ ready }) => ready);
  if (pods.length === 0) throw new PreconditionError("ztunnel", "no ready pod of ztunnel");
  return Promise.all(pods.map(async (pod) => ({ pod, dump: await ztunnelDump(context, pod) })));
}

/** The ztunnel on the node of an application. */
export async function beside(context: VerifyContext, role: PodRole): Promise<{ pod: LabPod; dump: ZtunnelDump }> {
  const clientPod = await context.podFinder.one(role, context.signal);
  const pod = await context.podFinder.ztunnelOn(clientPod.node, context.signal);
  if (!pod) throw new PreconditionError("ztunnel", `no ready ztunnel on ${clientPod.node}, the node of ${role}`);
  return { pod, dump: await ztunnelDump(context, pod) };
}

/** ztunnel's own workload list has the members of the mesh as HBONE, and the others as TCP. */
export const enrolment: CheckRun<"enrolment"> = async (context, { name, hbone, plain }) => {
  const wanted = [
    ...hbone.map((account) => ({ account, protocol: "HBONE" })),
    ...plain.map((account) => ({ account, protocol: "TCP" })),
  ];
  const lists = await known(context);
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

/** The waypoint as ztunnel names it. */
const attached = `${appNamespace}/${serviceHost(waypointName)}`;

/** The caller's ztunnel sends requests for Service appb to the waypoint. */
export const waypointAttached: CheckRun<"waypoint-attached"> = async (context, { name }) => {
  const { pod, dump } = await beside(context, "appa");
  const waypoint = waypointOf(dump);
  const seen = `${pod.name}: ${appbHost} has waypoint ${waypoint}`;
  const evidence = [{ source: "ztunnel services", lines: [seen] }];
  if (waypoint === attached) return [passed(name, "ztunnel", seen, { evidence })];
  return [failed(name, "waypoint", seen, { expected: attached, evidence })];
};

/** The ztunnel beside each application holds a certificate for it. */
export const certificates: CheckRun<"certificates"> = async (context, { accounts }) => {
  const now = await context.lab.serverTime(context.signal);
  const roles = accounts.filter((item) => item === "appa" || item === "appb" || item === "stranger");
  return Promise.all(
    roles.map(async (account) => {
      const identity = `spiffe://${principalOf(account)}`;
      const { pod, dump } = await beside(context, account);
      const found = dump.certificates.find((item) => item.identity === identity);
      const others = dump.certificates.map((item) => item.identity);
      const none = `${pod.name} holds none for ${identity}, but for ${listed(others)}`;
      const seen = found ? `${found.state}, until ${found.expires}` : none;
      const evidence = [{ source: "ztunnel certificates", lines: [`${pod.name}: ${identity} ${seen}`] }];
      const name = `certificate of ${account}`;
      // The cluster's clock judges: what counts is whether its peers accept the certificate.
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
  const [{ pod, dump }, { ip }] = await Promise.all([beside(context, app), context.podFinder.one(app, context.signal)]);
  return { pod, dump, policies: dump.workloads.find(({ ips }) => ips.includes(ip))?.policies ?? [] };
}

/** Exactly these policies select an application's pod. */
export const podPolicies: CheckRun<"pod-policies"> = async (context, { name, app, policies: wanted }) => {
  const { pod, policies } = await policiesOn(context, app);
  const seen = `${pod.name}: ${listed(policies)} on ${app}`;
  const evidence = [{ source: "ztunnel workloads", lines: [seen] }];
  const same = policies.length === wanted.length && wanted.every((policy) => policies.includes(policy));
  if (same) return [passed(name, "ztunnel", seen, { evidence })];
  return [failed(name, "ztunnel", seen, { expected: listed(wanted), evidence })];
};

/** appb's ztunnel has the policy that allows the waypoint alone, and no other ALLOW policy. */
export const l4Policy: CheckRun<"l4-policy"> = async (context, { name }) => {
  const { pod, dump, policies } = await policiesOn(context, "appb");
  const isAbout = ({ scope, namespace, name }: ZtunnelPolicy) =>
    scope === "Global" ||
    (scope === "Namespace" && namespace === appNamespace) ||
    policies.includes(`${namespace}/${name}`);
  const allowing = dump.policies.filter((policy) => policy.action === "Allow" && isAbout(policy));
  const found = allowing.map(({ namespace, name, principals }) => `${namespace}/${name}: ${listed(principals)}`);
  const seen = `${pod.name}: ${allowing.length > 0 ? `Allow ${listed(found)}` : "no policy lets in anybody by name"}`;
  const evidence = [{ source: "ztunnel policies", lines: found }];
  const only = `default/appb-waypoint-only: ${principalOf(waypointName)}`;
  if (found.join() === only) return [passed(name, "ztunnel", seen, { evidence })];
  return [failed(name, "ztunnel", seen, { expected: `Allow ${only}, and no other`, evidence })];
};
