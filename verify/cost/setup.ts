import { appNamespace, labelKeys, meshNamespace } from "../../config/vocabulary";
import { type CostPath, clientOf, costPaths, costWaypoint, serverOf } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { at, listAt, textAt, textsAt } from "../json";
import type { KubeObject } from "../lab-client";
import { proxyContainer } from "../pods";
import { PreconditionError, unobservable } from "../precondition-error";
import type { Endpoints } from "./load";
import type { Cost } from "./schema";
import { Meter, type Metered, meteredIn } from "./usage";

/** A proxy, and the paths that use it. */
interface PathProxy extends Metered {
  paths: readonly CostPath[];
}

/** Clients, servers, proxies and nodes of a measurement, as read at its start. */
export interface CostSetup {
  endpoints: Readonly<Record<CostPath, Endpoints>>;
  proxies: readonly PathProxy[];
  /** The ztunnels of all nodes for applications, and the waypoint: the proxies that pods in the ambient mesh share. */
  shared: readonly Metered[];
  meter: Meter;
  machine: Cost["machine"];
}

/**
 * Finds clients, servers and proxies.
 * @throws PreconditionError when one is missing, when the servers or the clients are on several nodes, and when a proxy writes debug
 * lines
 */
export async function costSetupOf(context: VerifyContext): Promise<CostSetup> {
  const { lab, podFinder, signal } = context;
  const meter = await Meter.of(context);
  const endpoints = Object.fromEntries(
    await Promise.all(
      costPaths.map(async (path): Promise<[CostPath, Endpoints]> => {
        const [client, server, service] = await Promise.all([
          podFinder.one(clientOf(path), signal),
          podFinder.one(serverOf(path), signal),
          lab.read({ apiVersion: "v1", kind: "Service", namespace: appNamespace, name: serverOf(path) }, signal),
        ]);
        const address = textAt(service, "spec", "clusterIP");
        if (!address) throw new PreconditionError("app", `Service/${serverOf(path)} has no address`);
        return [path, { client, server, address }];
      }),
    ),
  ) as Record<CostPath, Endpoints>;
  const { client, server } = endpoints.none;
  for (const path of costPaths) {
    sameNode(serverOf(path), endpoints[path].server.node, server.node);
    sameNode(clientOf(path), endpoints[path].client.node, client.node);
  }
  const podsOf = (namespace: string, labels: Record<string, string>) =>
    lab.list({ apiVersion: "v1", kind: "Pod", namespace, labels }, signal);
  const [ztunnels, waypoints, sidecarClients, sidecarServers, node] = await Promise.all([
    podsOf(meshNamespace, { app: "ztunnel" }),
    podsOf(appNamespace, { [labelKeys.gatewayName]: costWaypoint }),
    podsOf(appNamespace, { app: clientOf("sidecar") }),
    podsOf(appNamespace, { app: serverOf("sidecar") }),
    lab.read({ apiVersion: "v1", kind: "Node", name: server.node }, signal),
  ]);
  const running = (pods: readonly KubeObject[]) =>
    pods.filter((pod) => textAt(pod, "status", "phase") === "Running" && !at(pod, "metadata", "deletionTimestamp"));
  const ofNodes = ({ node: at }: Metered) => at === server.node || at === client.node;
  requireNoDebugLines("ztunnel", running(ztunnels));
  requireNoDebugLines("waypoint", running(waypoints));
  requireNoDebugLines("sidecar", running([...sidecarClients, ...sidecarServers]));
  const ztunnel = running(ztunnels).map((pod) => meteredIn(pod, proxyContainer));
  const waypoint = running(waypoints).map((pod) => meteredIn(pod, proxyContainer));
  const sidecar = running([...sidecarClients, ...sidecarServers]).map((pod) => meteredIn(pod, proxyContainer));
  return {
    ...{ endpoints, meter, shared: [...ztunnel.filter(({ node }) => meter.covers(node)), ...waypoint] },
    proxies: [
      ...ztunnel.filter(ofNodes).map((each): PathProxy => ({ ...each, paths: ["ztunnel", "waypoint"] })),
      ...waypoint.map((each): PathProxy => ({ ...each, paths: ["waypoint"] })),
      ...sidecar.map((each): PathProxy => ({ ...each, paths: ["sidecar"] })),
    ],
    machine: {
      ...{ node: server.node, clientNode: client.node },
      cpus: Number(textAt(node, "status", "capacity", "cpu")),
      // The kubelet writes the memory of a node in KiB (k8s.io/kubernetes v1.34, pkg/kubelet/nodestatus/setters.go).
      memoryBytes: Number.parseInt(textAt(node, "status", "capacity", "memory") ?? "", 10) * 1024,
      kernel: textAt(node, "status", "nodeInfo", "kernelVersion") ?? "",
    },
  };
}

function sameNode(app: string, node: string, wanted: string): void {
  if (node === wanted) return;
  const message = `${app} runs on ${node} and not on ${wanted}: the paths cannot be compared until its pod is deleted and scheduled again`;
  throw unobservable("nodes", message);
}

/**
 * The log level is an argument of Envoy's agent, as one word or as two, and a variable of ztunnel (Istio 1.31: injection-template.yaml,
 * waypoint.yaml, and daemonset.yaml of the chart ztunnel).
 */
function requireNoDebugLines(layer: "ztunnel" | "waypoint" | "sidecar", pods: readonly KubeObject[]): void {
  for (const pod of pods) {
    const proxy = [...listAt(pod, "spec", "containers"), ...listAt(pod, "spec", "initContainers")].find(
      (each) => textAt(each, "name") === proxyContainer,
    );
    const args = textsAt(proxy, "args").join(" ");
    const variable = listAt(proxy, "env").find((each) => textAt(each, "name") === "RUST_LOG");
    const level = textAt(variable, "value") ?? /--proxyLogLevel[ =](\S+)/.exec(args)?.[1];
    if (level === undefined || /debug|trace/.test(level)) {
      const name = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
      const message = `the log level of the proxy in Pod ${name} is ${level ?? "unknown"}, and debug lines would be measured: delete the pod, so that it starts with the level of the lab`;
      throw unobservable(layer, message);
    }
  }
}
