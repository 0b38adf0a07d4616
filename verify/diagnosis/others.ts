import { appNamespace, labelKeys, meshNamespace, metallbNamespace, serviceHost } from "../../config/vocabulary";
import { workloads } from "../../experiments/names";
import type { LabFacts } from "../../experiments/types";
import { resourceOf } from "../../host/kube-api";
import type { WorkloadEntry } from "../../modules/slice";
import type { VerifyContext } from "../context";
import { selects } from "../declared/authorization";
import { at, entriesAt, listAt, textAt, textsAt } from "../json";
import { ApiError } from "../kube/rest";
import type { ClusterReader, KubeObject } from "../lab-client";
import { controlPlanesOfOthers } from "./control-planes";
import { keyOf } from "./drift";
import { endpointsOfOthers } from "./endpoints";
import { type Other, type Own, other } from "./other";

/** How an object selects traffic: by pods or targets, by host names, by parents, or by its namespace only. */
type Reach = "policy" | "hosts" | "route" | "place";

const of = (apiVersions: readonly string[], reach: Reach, ...names: readonly string[]) =>
  apiVersions.flatMap((apiVersion) => names.map((kind) => ({ apiVersion, kind, reach })));
const gatewayApi = (...versions: readonly string[]) =>
  versions.map((version) => `gateway.networking.k8s.io/${version}`);

/**
 * Kinds that configure traffic in Istio, the Gateway API and Kubernetes, in the versions that their CRDs serve
 * (istio 1.31 manifests/charts/base/files/crd-all.gen.yaml; config/crd of the Gateway API 1.3 to 1.6, whose releases serve
 * different versions of some kinds). A kind that the cluster lacks has no objects.
 */
const kinds: readonly { apiVersion: string; kind: string; reach: Reach }[] = [
  ...of(["security.istio.io/v1"], "policy", "AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"),
  ...of(["networking.istio.io/v1alpha3"], "policy", "EnvoyFilter"),
  ...of(["extensions.istio.io/v1alpha1"], "policy", "WasmPlugin", "TrafficExtension"),
  ...of(["telemetry.istio.io/v1"], "policy", "Telemetry"),
  ...of(["networking.istio.io/v1"], "hosts", "VirtualService", "DestinationRule", "ServiceEntry"),
  ...of(gatewayApi("v1"), "route", "HTTPRoute", "GRPCRoute", "ListenerSet"),
  ...of(gatewayApi("v1", "v1alpha3", "v1alpha2"), "route", "TLSRoute"),
  ...of(gatewayApi("v1", "v1alpha2"), "route", "TCPRoute", "UDPRoute"),
  ...of(gatewayApi("v1"), "policy", "BackendTLSPolicy"),
  ...of(["networking.istio.io/v1"], "policy", "Gateway"),
  ...of(["networking.istio.io/v1"], "place", "WorkloadEntry", "Sidecar"),
  ...of(["networking.istio.io/v1beta1"], "place", "ProxyConfig"),
  ...of(gatewayApi("v1", "v1beta1"), "place", "ReferenceGrant"),
  ...of(["networking.k8s.io/v1"], "place", "NetworkPolicy"),
];

/** Foreign objects. */
export interface Others {
  found: readonly Other[];
  /** Resources that the login may not list in all namespaces, such as "gateways.networking.istio.io". */
  unlisted: readonly string[];
}

/**
 * Foreign objects that affect the traffic of the lab, and those in the namespaces of the lab and in Istio's root namespace. In other
 * namespaces only objects that name hosts, routes or Services of the lab count.
 */
export async function othersOf({
  lab,
  facts,
  signal,
}: Pick<VerifyContext, "lab" | "facts" | "signal">): Promise<Others> {
  const own = ownOf(facts);
  const unlisted = new Set<string>();
  const list: ClusterReader["list"] = async (what, signal) => {
    try {
      return await lab.list(what, signal);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 403) throw error;
      unlisted.add(resourceOf(what));
      return [];
    }
  };
  const reader = { list, read: lab.read };
  const lists = await Promise.all(
    kinds.map(async ({ apiVersion, kind, reach }) => {
      const found = await list({ apiVersion, kind }, signal);
      return found.map((object) => ({ object: { ...object, apiVersion, kind }, reach }));
    }),
  );
  // A kind that is served in several versions has the same objects in each.
  const found = new Map(lists.flat().map((each) => [`${groupOf(each.object)} ${keyOf(each.object)}`, each]));
  const policies = [...found.values()].flatMap(({ object, reach }) => otherOf(object, reach, own, facts));
  const rest = await Promise.all([
    endpointsOfOthers({ lab: reader, facts, signal }, own),
    controlPlanesOfOthers({ lab: reader, facts, signal }, own.declared),
  ]);
  return { found: [...policies, ...rest.flat()], unlisted: [...unlisted].sort() };
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
    other(
      object,
      on ? `it acts on ${on}` : "it is in a namespace where it may act on the lab's traffic",
      on !== undefined,
      facts,
    ),
  ];
}

/** The part of the lab that an object affects; undefined when it affects none. */
function actsOn(object: KubeObject, reach: Reach, own: Own): string | undefined {
  if (reach === "policy") return targetOf(object, own);
  if (reach === "hosts") return hostOf(object, own);
  return reach === "route" ? parentOf(object, own) : undefined;
}

/** Target of a policy: of its targetRefs, or the pods of its selector. */
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

/** A host of the lab among the hosts of an object; short names are in its namespace. */
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
