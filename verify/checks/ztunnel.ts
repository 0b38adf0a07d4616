import { appbHost, principalOf } from "../../experiments/names";
import type { AppName } from "../../experiments/types";
import type { Bench } from "../context";
import type { Actor, RoleName } from "../pods";
import { Obstacle } from "../precondition-error";
import { ztunnelDump } from "../proxy-config/read";
import type { ZtunnelDump, ZtunnelPolicy } from "../proxy-config/ztunnel-dump";
import { type CheckRun, failed, listed, passed } from "./check";

/** Every ready ztunnel with what it knows. */
async function known(bench: Bench): Promise<{ pod: Actor; dump: ZtunnelDump }[]> {
  const pods = (await bench.cast.all("ztunnel", bench.signal)).filter(({ ready }) => ready);
  if (pods.length === 0) throw new Obstacle("ztunnel", "no ready pod of ztunnel");
  return Promise.all(pods.map(async (pod) => ({ pod, dump: await ztunnelDump(bench, pod) })));
}

/** The ztunnel beside an application. */
export async function beside(bench: Bench, role: RoleName): Promise<{ pod: Actor; dump: ZtunnelDump }> {
  const actor = await bench.cast.one(role, bench.signal);
  const pod = await bench.cast.ztunnelOn(actor.node, bench.signal);
  if (!pod) throw new Obstacle("ztunnel", `no ready ztunnel on ${actor.node}, the node of ${role}`);
  return { pod, dump: await ztunnelDump(bench, pod) };
}

/** ztunnel's own workload list says who is in the mesh. */
export const enrolment: CheckRun<"enrolment"> = async (bench, { name, hbone, plain }) => {
  const wanted = [
    ...hbone.map((account) => ({ account, protocol: "HBONE" })),
    ...plain.map((account) => ({ account, protocol: "TCP" })),
  ];
  const lists = await known(bench);
  const rows = lists.flatMap(({ pod, dump }) =>
    wanted.map(({ account, protocol }) => {
      const found = dump.workloads.filter((item) => item.namespace === "default" && item.account === account);
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

/** The waypoint that the callers of appb are sent to, as a ztunnel knows it; "none" when they go straight. */
export const waypointOf = (dump: ZtunnelDump): string =>
  dump.services.find(({ hostname, namespace }) => hostname === appbHost && namespace === "default")?.waypoint ?? "none";

/** The caller's ztunnel sends those who call appb's Service to the waypoint. */
export const waypointAttached: CheckRun<"waypoint-attached"> = async (bench, { name }) => {
  const { pod, dump } = await beside(bench, "appa");
  const waypoint = waypointOf(dump);
  const seen = `${pod.name}: ${appbHost} has waypoint ${waypoint}`;
  const evidence = [{ source: "ztunnel services", lines: [seen] }];
  if (waypoint === "default/waypoint.default.svc.cluster.local") return [passed(name, "ztunnel", seen, { evidence })];
  return [failed(name, "waypoint", seen, { expected: "default/waypoint.default.svc.cluster.local", evidence })];
};

/** The ztunnel beside each application holds a certificate for it. */
export const certificates: CheckRun<"certificates"> = async (bench, { accounts }) => {
  const now = await bench.world.serverTime(bench.signal);
  const roles = accounts.filter((item) => item === "appa" || item === "appb" || item === "stranger");
  return Promise.all(
    roles.map(async (account) => {
      const identity = `spiffe://${principalOf(account)}`;
      const { pod, dump } = await beside(bench, account);
      const found = dump.certificates.find((item) => item.identity === identity);
      const seen = found ? `${found.state}, until ${found.expires}` : `${pod.name} holds none for ${identity}`;
      const evidence = [{ source: "ztunnel certificates", lines: [`${pod.name}: ${identity} ${seen}`] }];
      const name = `certificate of ${account}`;
      // The cluster's clock judges: what counts is whether its peers accept the certificate.
      const good = found?.state === "Available" && Date.parse(found.expires) > now;
      if (good) return passed(name, "ztunnel", seen, { evidence });
      return failed(name, "ztunnel", seen, { expected: "Available and not expired", evidence });
    }),
  );
};

/** Policies that select an application's pod, as the ztunnel beside it knows them. */
export async function policiesOn(
  bench: Bench,
  app: AppName,
): Promise<{ pod: Actor; dump: ZtunnelDump; policies: readonly string[] }> {
  const [{ pod, dump }, { ip }] = await Promise.all([beside(bench, app), bench.cast.one(app, bench.signal)]);
  return { pod, dump, policies: dump.workloads.find(({ ips }) => ips.includes(ip))?.policies ?? [] };
}

/** Exactly these policies select an application's pod. */
export const podPolicies: CheckRun<"pod-policies"> = async (bench, { name, app, policies: wanted }) => {
  const { pod, policies } = await policiesOn(bench, app);
  const seen = `${pod.name}: ${listed(policies)} on ${app}`;
  const evidence = [{ source: "ztunnel workloads", lines: [seen] }];
  const same = policies.length === wanted.length && wanted.every((policy) => policies.includes(policy));
  if (same) return [passed(name, "ztunnel", seen, { evidence })];
  return [failed(name, "ztunnel", seen, { expected: listed(wanted), evidence })];
};

/** appb's ztunnel has the policy that lets in the waypoint alone, and no other that lets in somebody. */
export const l4Policy: CheckRun<"l4-policy"> = async (bench, { name }) => {
  const { pod, dump, policies } = await policiesOn(bench, "appb");
  const isAbout = ({ scope, namespace, name }: ZtunnelPolicy) =>
    scope === "Global" ||
    (scope === "Namespace" && namespace === "default") ||
    policies.includes(`${namespace}/${name}`);
  const allowing = dump.policies.filter((policy) => policy.action === "Allow" && isAbout(policy));
  const found = allowing.map(({ namespace, name, principals }) => `${namespace}/${name}: ${listed(principals)}`);
  const seen = `${pod.name}: ${allowing.length > 0 ? `Allow ${listed(found)}` : "no policy lets in anybody by name"}`;
  const evidence = [{ source: "ztunnel policies", lines: found }];
  const only = `default/appb-waypoint-only: ${principalOf("waypoint")}`;
  if (found.join() === only) return [passed(name, "ztunnel", seen, { evidence })];
  return [failed(name, "ztunnel", seen, { expected: `Allow ${only}, and no other`, evidence })];
};
