import { readFile, rm, writeFile } from "node:fs/promises";
import { parse } from "yaml";
import { eventually } from "../../verify/eventually";
import { kubeLabClient } from "../../verify/kube";
import { PodFinder } from "../../verify/pods";
import { keep, type LiveLab, patched, type Undo } from "./live-lab";

const { signal } = new AbortController();

/** Removes the label of the namespace, and restarts its applications. */
export async function namespaceLeft(lab: LiveLab): Promise<Undo> {
  const apps = ["deployment/appa", "deployment/appb", "deployment/stranger"];
  const restart = async () => {
    await lab.kubectl(["rollout", "restart", ...apps]);
    for (const app of apps) await lab.kubectl(["rollout", "status", app, "--timeout=120s"]);
  };
  const undo = await patched("namespace", "default", [
    { op: "remove", path: "/metadata/labels/istio.io~1dataplane-mode" },
  ])(lab);
  await restart();
  return async () => {
    await undo();
    await restart();
  };
}

/** Stops the process of the ztunnel on appb's node, so that it hangs. */
export async function ztunnelFrozen(lab: LiveLab): Promise<Undo> {
  const { node } = await new PodFinder(await kubeLabClient(lab.facts)).one("appb", signal);
  const signalled = (signal: string) => lab.onNode(node, "sh", "-c", `kill -${signal} $(pidof ztunnel)`);
  await signalled("STOP");
  const ready = ["get", "daemonset", "ztunnel", "-n", "istio-system", "-o", "jsonpath={.status.numberReady}"];
  // The kubelet marks the pod as not ready after a few failed probes.
  await eventually(
    async () => {
      if ((await lab.kubectl(ready)) === "3") throw new Error("ztunnel counts as ready");
    },
    { what: "the pod to be not ready", deadlineMs: 90_000, intervalMs: 2_000, signal },
  );
  return () => signalled("CONT");
}

/** Creates a kubeconfig beside the lab's own, with all rights except for reading logs. */
export async function blindKubeconfig(lab: LiveLab): Promise<Undo> {
  const name = "e2e-blind";
  const rule = (apiGroups: string[], resources: string[]) => ({ apiGroups, resources, verbs: ["*"] });
  const rules = [
    rule([""], ["pods", "pods/exec", "pods/portforward", "services", "nodes", "namespaces"]),
    rule(["apps", "gateway.networking.k8s.io", "security.istio.io", "networking.istio.io", "metallb.io"], ["*"]),
    rule(["extensions.istio.io", "telemetry.istio.io", "networking.k8s.io", "discovery.k8s.io"], ["*"]),
    rule(["apiextensions.k8s.io"], ["*"]),
  ];
  const subject = { kind: "ServiceAccount", name, namespace: "kube-system" };
  const objects = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace: "kube-system" } },
    { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name }, rules },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [subject],
    },
  ];
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  await lab.kubectl(["apply", "-f", "-"], list);
  const token = (await lab.kubectl(["create", "token", name, "--namespace", "kube-system"])).trim();

  const own = parse(await readFile(lab.facts.kubeconfig, "utf8")) as { clusters: { name: string }[] };
  const file = `${lab.facts.kubeconfig}.blind`;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: own.clusters,
    users: [{ name: "blind", user: { token } }],
    contexts: [{ name: "blind", context: { cluster: own.clusters[0]?.name, user: "blind" } }],
  };
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  return async () => {
    await rm(file);
    await lab.kubectl(["delete", "-f", "-"], list);
  };
}

/** Turns the access logs of the mesh's proxies off. */
export async function withoutAccessLog(lab: LiveLab): Promise<Undo> {
  const undo = await keep(lab, "configmap", "istio", "istio-system");
  const { data } = JSON.parse(
    await lab.kubectl(["get", "configmap", "istio", "--namespace", "istio-system", "-o", "json"]),
  ) as { data: { mesh: string } };
  const mesh = data.mesh.replace(/^accessLogFile: .*$/m, 'accessLogFile: ""');
  if (mesh === data.mesh) throw new Error(`the mesh's configuration has no accessLogFile:\n${data.mesh}`);
  const patch = JSON.stringify({ data: { mesh } });
  await lab.kubectl(["patch", "configmap", "istio", "-n", "istio-system", "--type", "merge", "-p", patch]);
  await accessLogged(lab, false);
  return async () => {
    await undo();
    await accessLogged(lab, true);
  };
}

/** Waits until the access log is on or off in the configuration of the waypoint. */
async function accessLogged(lab: LiveLab, wanted: boolean): Promise<void> {
  const world = await kubeLabClient(lab.facts);
  const pod = await new PodFinder(world).one("waypoint", signal);
  await eventually(
    async () => {
      const { body } = await world.podGet(pod, 15000, "/config_dump", signal);
      if (body.includes("/dev/stdout") !== wanted) throw new Error("its configuration lacks the change");
    },
    { what: "the waypoint to get the change of its access log", deadlineMs: 60_000, intervalMs: 1_000, signal },
  );
}
