import type { Mesh } from "../../../../access/types";
import { gatewayWorkload, labelKeys, meshNamespace } from "../../../../config/vocabulary";
import { at, listAt, textAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import { declaredLab } from "../../verify/fake/declared";
import type { PolicySet } from "./policy-sets";

/** What a cluster adds to declared objects: pods of Deployments and Gateways, addresses, and istio-cni's annotation. */
export function living(declared: readonly KubeObject[]): KubeObject[] {
  const namespaces = new Map(
    declared
      .filter(({ kind }) => kind?.startsWith("Namespace"))
      .map(({ metadata }) => [metadata?.name ?? "", metadata?.labels ?? {}] as const),
  );
  const inMesh = (namespace: string, labels: Readonly<Record<string, string>>) =>
    (labels[labelKeys.dataplaneMode] ?? namespaces.get(namespace)?.[labelKeys.dataplaneMode]) === "ambient";
  const podsOfDeployment = (deployment: KubeObject): KubeObject[] => {
    const template = at(deployment, "spec", "template");
    const labels = Object(at(template, "metadata", "labels")) as Record<string, string>;
    const { namespace = "", name = "" } = deployment.metadata ?? {};
    return [podOf(namespace, `${name}-1`, labels, at(template, "spec"), inMesh(namespace, labels))];
  };
  return [
    ...declared
      .filter(({ kind }) => kind !== "Namespace" && !kind?.endsWith("Patch"))
      .map((object) => (object.kind === "Gateway" ? withAddress(object) : object))
      .map((object) => (object.kind === "Service" ? withClusterIp(object) : object)),
    ...[...namespaces].map(([name, labels]) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } })),
    ...declared.filter(isWhole).flatMap(podsOfDeployment),
    ...declared.filter(({ kind }) => kind === "Gateway").map(podOfGateway),
  ];
}

/** The program awaits the Deployments of istiod by patches, which have no containers. */
const isWhole = ({ kind, spec }: KubeObject): boolean =>
  kind === "Deployment" && listAt(spec, "template", "spec", "containers").length > 0;

const addresses = new Map<string, string>();

/** An address for each name. */
function addressOf(name: string, net: string): string {
  const found = addresses.get(name) ?? `${net}.${addresses.size + 1}`;
  addresses.set(name, found);
  return found;
}

export function podOf(
  namespace: string,
  name: string,
  labels: Readonly<Record<string, string>>,
  spec: unknown,
  inMesh: boolean,
): KubeObject {
  const ip = addressOf(`${namespace}/${name}`, "10.244.1");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...{ namespace, name, labels: { ...labels } },
      ...(inMesh ? { annotations: { "ambient.istio.io/redirection": "enabled" } } : {}),
    },
    spec,
    status: { phase: "Running", podIP: ip, podIPs: [{ ip }], conditions: [{ type: "Ready", status: "True" }] },
  };
}

const withAddress = (gateway: KubeObject): KubeObject => ({
  ...gateway,
  status: { addresses: [{ type: "Hostname", value: `${gateway.metadata?.name}.${gateway.metadata?.namespace}` }] },
});

const withClusterIp = (service: KubeObject): KubeObject => {
  const clusterIP = addressOf(`Service ${service.metadata?.namespace}/${service.metadata?.name}`, "10.96.0");
  return { ...service, spec: { clusterIP, ...Object(service.spec) } };
};

function podOfGateway(gateway: KubeObject): KubeObject {
  const { namespace = "", name = "" } = gateway.metadata ?? {};
  const isWaypoint = listAt(gateway, "spec", "listeners").some((each) => textAt(each, "protocol") === "HBONE");
  const workload = isWaypoint ? name : name === "gateway" ? gatewayWorkload : `${name}-istio`;
  const labels = {
    [labelKeys.gatewayName]: name,
    [labelKeys.dataplaneMode]: "none",
    "gateway.istio.io/managed": isWaypoint ? "istio.io-mesh-controller" : "istio.io-gateway-controller",
  };
  return podOf(namespace, `${workload}-1`, labels, { serviceAccountName: workload }, false);
}

/** A mesh of these objects, with a MeshConfig that says nothing special unless they have one. */
export function meshOf(objects: readonly KubeObject[], more: Partial<Mesh> = {}): Mesh {
  const hasConfig = objects.some(({ kind }) => kind === "ConfigMap");
  return {
    ...{ objects: hasConfig ? objects : [...objects, meshConfig("{}")], rootNamespace: meshNamespace },
    ...{ trustDomain: "cluster.local", trustDomainAliases: [], unread: [] },
    ...more,
  };
}

/** istiod's ConfigMap. */
export const meshConfig = (mesh: string): KubeObject => {
  const metadata = { name: "istio", namespace: meshNamespace };
  return Object.assign({ apiVersion: "v1", kind: "ConfigMap", metadata }, { data: { mesh } });
};

const policies = ["AuthorizationPolicy", "PeerAuthentication", "VirtualService", "RequestAuthentication"];

/** The lab's own objects as they live in a cluster, without its policies. */
export async function baseObjects(): Promise<KubeObject[]> {
  const { objects, patches } = await declaredLab();
  return living([...objects, ...patches].filter(({ kind }) => !policies.includes(kind ?? "")));
}

/** The lab with the objects of a set. */
export function meshWith(lab: readonly KubeObject[], { objects, serviceLabels, config, mesh }: PolicySet): Mesh {
  const isAppb = ({ kind, metadata }: KubeObject) => kind === "Service" && metadata?.name === "appb";
  const labelled = (service: KubeObject): KubeObject => {
    const labels = { ...service.metadata?.labels, ...serviceLabels };
    const kept = Object.entries(labels).filter((entry): entry is [string, string] => entry[1] !== null);
    return { ...service, metadata: { ...service.metadata, labels: Object.fromEntries(kept) } };
  };
  return meshOf(
    [
      ...lab.map((object) => (isAppb(object) ? labelled(object) : object)),
      ...objects,
      ...(config === undefined ? [] : [meshConfig(config)]),
    ],
    mesh,
  );
}
