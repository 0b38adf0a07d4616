import { appNamespace, labelKeys, meshNamespace, metallbNamespace, serviceHost } from "../../config/vocabulary";
import { workloads } from "../../experiments/names";
import type { LabFacts } from "../../experiments/types";
import type { WorkloadEntry } from "../../modules/slice";
import type { VerifyContext } from "../context";
import { selects } from "../declared/authorization";
import { at, entriesAt, listAt, textAt, textsAt } from "../json";
import type { KubeObject } from "../lab-client";
import { keyOf } from "./drift";
import { endpointsOfOthers } from "./endpoints";
import { type Other, other } from "./other";

/** How an object reaches traffic: by the pods or objects that it is for, by host names, or by its place alone. */
type Reach = "policy" | "hosts" | "route" | "place";

const ofGatewayApi = (version: string, kind: string, reach: Reach) => ({
  ...{ apiVersion: `gateway.networking.k8s.io/${version}`, kind, reach },
});

/**
 * Kinds by which Istio, the Gateway API and Kubernetes are told what to do with traffic. The apiVersions are those that the CRDs
 * serve (istio 1.31 manifests/charts/base/files/crd-all.gen.yaml; Gateway API 1.3 to 1.6 config/crd, which serve some kinds in other versions): a kind that the cluster
 * lacks has no objects.
 */
const kinds: readonly { apiVersion: string; kind: string; reach: Reach }[] = [
  { apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy", reach: "policy" },
  { apiVersion: "security.istio.io/v1", kind: "PeerAuthentication", reach: "policy" },
  { apiVersion: "security.istio.io/v1", kind: "RequestAuthentication", reach: "policy" },
  { apiVersion: "networking.istio.io/v1alpha3", kind: "EnvoyFilter", reach: "policy" },
  { apiVersion: "extensions.istio.io/v1alpha1", kind: "WasmPlugin", reach: "policy" },
  { apiVersion: "extensions.istio.io/v1alpha1", kind: "TrafficExtension", reach: "policy" },
  { apiVersion: "telemetry.istio.io/v1", kind: "Telemetry", reach: "policy" },
  { apiVersion: "networking.istio.io/v1", kind: "VirtualService", reach: "hosts" },
  { apiVersion: "networking.istio.io/v1", kind: "DestinationRule", reach: "hosts" },
  { apiVersion: "networking.istio.io/v1", kind: "ServiceEntry", reach: "hosts" },
  { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", reach: "route" },
  { apiVersion: "gateway.networking.k8s.io/v1", kind: "GRPCRoute", reach: "route" },
  ...["v1", "v1alpha3", "v1alpha2"].map((version) => ofGatewayApi(version, "TLSRoute", "route")),
  ...["v1", "v1alpha2"].map((version) => ofGatewayApi(version, "TCPRoute", "route")),
  ...["v1", "v1alpha2"].map((version) => ofGatewayApi(version, "UDPRoute", "route")),
  { apiVersion: "gateway.networking.k8s.io/v1", kind: "ListenerSet", reach: "route" },
  { apiVersion: "gateway.networking.k8s.io/v1", kind: "BackendTLSPolicy", reach: "policy" },
  { apiVersion: "networking.istio.io/v1", kind: "Gateway", reach: "policy" },
  { apiVersion: "networking.istio.io/v1", kind: "WorkloadEntry", reach: "place" },
  { apiVersion: "networking.istio.io/v1", kind: "Sidecar", reach: "place" },
  { apiVersion: "networking.istio.io/v1beta1", kind: "ProxyConfig", reach: "place" },
  ...["v1", "v1beta1"].map((version) => ofGatewayApi(version, "ReferenceGrant", "place")),
  { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", reach: "place" },
];

/** What is the lab's own, to tell others from it. */
interface Own {
  declared: readonly KubeObject[];
  /** Namespaces of the lab's applications and proxies. */
  namespaces: ReadonlySet<string>;
  hosts: ReadonlySet<string>;
  /** Services that the stack declares. */
  services: readonly KubeObject[];
  /** Value of the label `app` of the lab's applications, with their namespace. */
  apps: readonly { namespace: string; app: string }[];
  /** Namespaces and labels of the lab's pods. */
  pods: readonly { namespace: string; labels: Readonly<Record<string, string>> }[];
}

/**
 * Objects of others that act on the lab's traffic, or stand where they might: in the lab's namespaces and in Istio's root namespace.
 * In other namespaces only those count that name the lab's hosts, routes or Services.
 */
export async function othersOf(context: Pick<VerifyContext, "lab" | "facts" | "signal">): Promise<Other[]> {
  const own = ownOf(context.facts);
  const lists = await Promise.all(
    kinds.map(async ({ apiVersion, kind, reach }) => {
      const found = await context.lab.list({ apiVersion, kind }, context.signal);
      return found.map((object) => ({ object: { ...object, apiVersion, kind }, reach }));
    }),
  );
  // A kind that is served in several versions has the same objects in each.
  const found = new Map(lists.flat().map((each) => [`${groupOf(each.object)} ${keyOf(each.object)}`, each]));
  const policies = [...found.values()].flatMap(({ object, reach }) => otherOf(object, reach, own, context.facts));
  return [...policies, ...(await endpointsOfOthers(context, own))];
}

const groupOf = ({ apiVersion = "" }: KubeObject): string => apiVersion.split("/").slice(0, -1).join();

function ownOf({ declared }: LabFacts): Own {
  const places = declared.map(({ kind, metadata }) => (kind === "Namespace" ? metadata.name : metadata.namespace));
  const namespaces = new Set(
    places.filter((place) => place !== undefined && place !== metallbNamespace && place !== meshNamespace),
  ) as Set<string>;
  const hosts = declared.flatMap(({ kind, metadata, spec }) => {
    if (kind === "Service") return [serviceHost(metadata.name, metadata.namespace)];
    return kind === "ServiceEntry" ? textsAt(spec, "hosts") : kind === "HTTPRoute" ? textsAt(spec, "hostnames") : [];
  });
  const proxies = declared.flatMap(({ kind, metadata: { name, namespace = appNamespace } }) =>
    kind === "Gateway" ? [{ namespace, labels: { [labelKeys.gatewayName]: name } }] : [],
  );
  const apps = (Object.entries(workloads) as [string, WorkloadEntry][]).map(([key, { namespace, app }]) => ({
    ...{ namespace: namespace ?? appNamespace, app: app ?? key },
  }));
  const labelled = apps.map(({ namespace, app }) => ({ namespace, labels: { app } }));
  const services = declared.filter(({ kind }) => kind === "Service");
  return { declared, namespaces, services, apps, hosts: new Set(hosts), pods: [...labelled, ...proxies] };
}

function otherOf(object: KubeObject, reach: Reach, own: Own, facts: LabFacts): Other[] {
  const { namespace = "" } = object.metadata ?? {};
  const key = keyOf(object);
  if (own.declared.some((each) => groupOf(each) === groupOf(object) && keyOf(each) === key)) return [];
  // Istio's own charts may bring NetworkPolicies for its own pods.
  if (namespace === meshNamespace && object.metadata?.labels?.["app.kubernetes.io/managed-by"] === "Helm") return [];
  const on = actsOn(object, reach, own);
  const near = own.namespaces.has(namespace) || namespace === meshNamespace;
  if (!near && !(on && (reach === "hosts" || reach === "route"))) return [];
  return [
    other(object, on ? `it acts on ${on}` : "it stands where it may act on the lab's traffic", on !== undefined, facts),
  ];
}

/** What of the lab an object acts on; undefined when it acts on none of it. */
function actsOn(object: KubeObject, reach: Reach, own: Own): string | undefined {
  if (reach === "policy") return targetOf(object, own);
  if (reach === "hosts") return hostOf(object, own);
  return reach === "route" ? parentOf(object, own) : undefined;
}

/** Target of a policy: what its targetRefs name, or the pods that its selector finds. */
function targetOf(object: KubeObject, { declared, pods }: Own): string | undefined {
  const { spec, metadata } = object;
  const refs = [...listAt(spec, "targetRefs"), ...[at(spec, "targetRef")].filter((ref) => ref !== undefined)];
  if (refs.length > 0) {
    const named = refs.map((ref) => `${textAt(ref, "kind")} ${textAt(ref, "name")}`);
    // A GatewayClass is all Gateways of the class.
    return named.find(
      (each) =>
        each.startsWith("GatewayClass ") ||
        declared.some(
          (own) => own.metadata?.namespace === metadata?.namespace && `${own.kind} ${own.metadata?.name}` === each,
        ),
    );
  }
  const labels = at(spec, "selector", "matchLabels") ?? at(spec, "workloadSelector", "labels") ?? at(spec, "selector");
  const policy = { ...object, spec: { selector: { matchLabels: labels } } };
  const found = pods.find((pod) => selects(policy, pod));
  if (!found) return undefined;
  return entriesAt(labels).length > 0 ? `pods with ${wordsOf(found.labels)}` : "all pods";
}

const wordsOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map((pair) => pair.join("="))
    .join();

/** A host of the lab that an object is for; short names are of its own namespace. */
function hostOf({ spec, metadata }: KubeObject, { hosts }: Own): string | undefined {
  const names = [...textsAt(spec, "hosts"), ...[textAt(spec, "host") ?? []].flat()];
  const full = names.map((name) =>
    name.includes(".") || name === "*" ? name : serviceHost(name, metadata?.namespace),
  );
  return [...hosts].find((host) =>
    full.some((name) => name === "*" || name === host || (name.startsWith("*.") && host.endsWith(name.slice(1)))),
  );
}

/** A Gateway or Service of the lab that a route is attached to. */
function parentOf({ spec, metadata }: KubeObject, { declared }: Own): string | undefined {
  const refs = [...listAt(spec, "parentRefs"), ...[at(spec, "parentRef")].filter((ref) => ref !== undefined)];
  return refs
    .map((ref) => ({
      ...{ kind: textAt(ref, "kind") ?? "Gateway", name: textAt(ref, "name") },
      namespace: textAt(ref, "namespace") ?? metadata?.namespace,
    }))
    .filter((ref) =>
      declared.some(
        (own) => own.kind === ref.kind && own.metadata?.name === ref.name && own.metadata?.namespace === ref.namespace,
      ),
    )
    .map(({ kind, name }) => `${kind} ${name}`)[0];
}
