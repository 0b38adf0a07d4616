import { serviceHost } from "../../config/vocabulary";
import { at, textAt } from "../../verify/json";
import type { KubeObject } from "../../verify/lab-client";
import { hostPort } from "../../verify/pods";
import { objectOf, objectsOf, textOf } from "../computed/objects/mesh-objects";
import {
  accountOf,
  containerPortsOf,
  hasOwnProxy,
  httpPortsOf,
  portsOf,
  runningPods,
  senderOf,
} from "../computed/objects/pods";
import { hostHeader, senderText } from "../probe/pod";
import type { AccessRequest, Destination, Mesh, NamespacedName, Sender } from "../types";
import type { Question } from "./schema";

/** A part of a question names something that the mesh does not have. */
export class UnresolvedError extends Error {
  constructor(
    message: string,
    /** Field of the question. */
    readonly field: readonly string[],
  ) {
    super(message);
  }
}

/**
 * The request of a question.
 * @throws UnresolvedError when the mesh has no such sender or destination
 */
export function requestOf(mesh: Mesh, { from, to }: Question, namespace: string): AccessRequest {
  const sender = senderIn(mesh, from, to, namespace);
  const { destination, host } = destinationIn(mesh, sender, to, namespace);
  const headers = Object.fromEntries(Object.entries(to.headers).map(([key, value]) => [key.toLowerCase(), value]));
  const [path = "/"] = to.path.split("#");
  return { from: sender, to: destination, method: to.method, path, host: to.host ?? host, headers };
}

/** The title of a question in the report. */
export function questionText({ name, expect }: Question, request: AccessRequest): string {
  return name ?? `${senderText(request.from)} -> ${request.method} ${request.host}${request.path}: ${expect}`;
}

const nameIn = (text: string, namespace: string): NamespacedName => {
  const [first = "", second] = text.split("/");
  return second === undefined ? { namespace, name: first } : { namespace: first, name: second };
};

function senderIn(mesh: Mesh, from: Question["from"], to: Question["to"], namespace: string): Sender {
  if (typeof from === "string") {
    if (from === "outside the mesh") return outsideSender(nameIn(to.service ?? to.pod ?? "", namespace).namespace);
    if (from === "gateway") return { kind: "gateway", gateway: onlyGateway(mesh, namespace) };
    return accountSender(mesh, nameIn(from, namespace));
  }
  if ("serviceAccount" in from) return accountSender(mesh, nameIn(from.serviceAccount, namespace));
  if ("namespace" in from) return accountSender(mesh, { namespace: from.namespace, name: "default" });
  if ("outside" in from) return outsideSender(from.outside);
  if ("gateway" in from) {
    const gateway = nameIn(from.gateway, namespace);
    if (!objectOf(mesh, "Gateway", gateway))
      throw new UnresolvedError(`there is no Gateway ${textOf(gateway)}`, ["from", "gateway"]);
    return { kind: "gateway", gateway };
  }
  return workloadSender(mesh, from.workload, namespace);
}

const outsideSender = (namespace: string): Sender => ({
  ...{ kind: "workload", namespace, serviceAccount: "default", labels: {}, inMesh: false },
});

/** The only ingress Gateway of a namespace, or else of the mesh. */
function onlyGateway(mesh: Mesh, namespace: string): NamespacedName {
  const ingress = objectsOf(mesh, "Gateway").filter(
    (gateway) => !/waypoint/.test(textAt(gateway, "spec", "gatewayClassName") ?? ""),
  );
  const near = ingress.filter(({ metadata }) => metadata?.namespace === namespace);
  const [gateway, ...more] = near.length > 0 ? near : ingress;
  if (!gateway) throw new UnresolvedError("there is no Gateway", ["from"]);
  if (more.length > 0)
    throw new UnresolvedError(`there are ${more.length + 1} Gateways; name one: { gateway: NAMESPACE/NAME }`, ["from"]);
  return { namespace: gateway.metadata?.namespace ?? "", name: gateway.metadata?.name ?? "" };
}

function accountSender(mesh: Mesh, account: NamespacedName): Sender {
  if (!objectOf(mesh, "ServiceAccount", account) && !mesh.unread.some(({ kind }) => kind === "ServiceAccount"))
    throw new UnresolvedError(`there is no ServiceAccount ${textOf(account)}`, ["from"]);
  const pod = runningPods(mesh).find(
    (each) => each.metadata?.namespace === account.namespace && accountOf(each) === account.name,
  );
  if (pod) return meshSender(pod);
  return {
    ...{ kind: "workload", namespace: account.namespace, serviceAccount: account.name, labels: {} },
    inMesh: isAmbientNamespace(mesh, account.namespace),
  };
}

/** A pod as a sender. A probe pod has no sidecar, so that it cannot stand for a pod with one. */
function meshSender(pod: KubeObject): Sender {
  if (!hasOwnProxy(pod)) return senderOf(pod);
  throw new UnresolvedError(
    `pod ${pod.metadata?.namespace}/${pod.metadata?.name} has a proxy of its own: questions are asked by pods in ambient mode`,
    ["from"],
  );
}

/** Whether a new pod of a namespace is in the ambient mesh. */
const isAmbientNamespace = (mesh: Mesh, name: string): boolean =>
  objectsOf(mesh, "Namespace").some(
    ({ metadata }) => metadata?.name === name && metadata.labels?.["istio.io/dataplane-mode"] === "ambient",
  );

function workloadSender(mesh: Mesh, text: string, ofFile: string): Sender {
  const [kind = "", ...rest] = text.split("/");
  const { namespace, name } = nameIn(rest.join("/"), ofFile);
  const pod = runningPods(mesh).find(
    (each) => each.metadata?.namespace === namespace && ownerOf(each, kind.toLowerCase()) === name,
  );
  if (!pod) throw new UnresolvedError(`there is no running pod of ${kind} ${namespace}/${name}`, ["from", "workload"]);
  return meshSender(pod);
}

/** The owner of a pod, of a kind. A Deployment owns its pods through a ReplicaSet with a hash in its name. */
function ownerOf(pod: KubeObject, kind: string): string | undefined {
  if (kind === "pod") return pod.metadata?.name;
  const owner: unknown = at(pod, "metadata", "ownerReferences", 0);
  const [ownerKind, name] = [textAt(owner, "kind")?.toLowerCase(), textAt(owner, "name")];
  if (kind !== "deployment") return ownerKind === kind ? name : undefined;
  const hash = pod.metadata?.labels?.["pod-template-hash"];
  return ownerKind === "replicaset" && hash && name?.endsWith(`-${hash}`) ? name.slice(0, -hash.length - 1) : undefined;
}

function destinationIn(
  mesh: Mesh,
  sender: Sender,
  to: Question["to"],
  namespace: string,
): { destination: Destination; host: string } {
  if (to.pod !== undefined) return podDestination(mesh, to, nameIn(to.pod, namespace));
  if (to.service !== undefined) {
    const service = nameIn(to.service, namespace);
    const port = portOf(mesh, service, to.port);
    return {
      destination: { kind: "service", service, port },
      host: hostHeader(serviceHost(service.name, service.namespace), port),
    };
  }
  if (sender.kind === "gateway" && to.host !== undefined) {
    const service = { namespace: sender.gateway.namespace, name: sender.gateway.name };
    return { destination: { kind: "service", service, port: to.port ?? 80 }, host: to.host };
  }
  if (to.host === undefined) throw new UnresolvedError("names no service, pod or host", ["to"]);
  const service = serviceOfHost(mesh, to.host);
  return { destination: { kind: "service", service, port: portOf(mesh, service, to.port) }, host: to.host };
}

function serviceOfHost(mesh: Mesh, host: string): NamespacedName {
  const [name = "", namespace = ""] = host.split(".");
  if (!objectOf(mesh, "Service", { namespace, name }))
    throw new UnresolvedError(`"${host}" is no name of a Service: ${serviceHost("NAME", "NAMESPACE")}`, ["to", "host"]);
  return { namespace, name };
}

function portOf(mesh: Mesh, name: NamespacedName, port: number | undefined): number {
  const service = objectOf(mesh, "Service", name);
  if (!service) throw new UnresolvedError(`there is no Service ${textOf(name)}`, ["to", "service"]);
  const all = portsOf(service);
  if (port !== undefined) {
    if (all.includes(port)) return port;
    throw new UnresolvedError(`Service ${textOf(name)} has no TCP port ${port}`, ["to", "port"]);
  }
  const http = httpPortsOf(service);
  const [only, ...more] = http.length > 0 ? http : all;
  if (only === undefined) throw new UnresolvedError(`Service ${textOf(name)} has no TCP port`, ["to", "service"]);
  if (more.length > 0)
    throw new UnresolvedError(`Service ${textOf(name)} has ${more.length + 1} ports; name one`, ["to"]);
  return only;
}

function podDestination(
  mesh: Mesh,
  to: Question["to"],
  wanted: NamespacedName,
): { destination: Destination; host: string } {
  const fits = (name: string) =>
    wanted.name.endsWith("*") ? name.startsWith(wanted.name.slice(0, -1)) : name === wanted.name;
  const pod = runningPods(mesh).find(
    ({ metadata }) => metadata?.namespace === wanted.namespace && fits(metadata.name ?? ""),
  );
  const ip = textAt(pod, "status", "podIP");
  if (!pod || !ip) throw new UnresolvedError(`there is no running pod ${textOf(wanted)}`, ["to", "pod"]);
  const port = to.port ?? containerPortsOf(pod)[0];
  if (port === undefined) throw new UnresolvedError(`pod ${textOf(wanted)} names no port; add one`, ["to"]);
  const name = { namespace: wanted.namespace, name: pod.metadata?.name ?? "" };
  return { destination: { kind: "pod", pod: name, port }, host: hostPort(ip, port) };
}
