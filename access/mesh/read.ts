import { parse as parseYaml } from "yaml";
import { labelKeys, meshNamespace } from "../../config/vocabulary";
import { messageOf } from "../../host/errors";
import { at, textAt, textsAt } from "../../verify/json";
import { ApiError } from "../../verify/kube/rest";
import type { ClusterReader, KubeObject } from "../../verify/lab-client";
import type { Mesh, UnreadKind } from "../types";

/**
 * The kinds that determine access, and those of senders and destinations. Kinds with several versions are listed in each of them: the API
 * server answers 404 for versions that the installed Gateway API lacks (istio 1.30 and 1.31, pkg/config/schema/metadata.yaml).
 */
const meshKinds: Readonly<Record<string, string | readonly string[]>> = {
  Namespace: "v1",
  ServiceAccount: "v1",
  Pod: "v1",
  Service: "v1",
  EndpointSlice: "discovery.k8s.io/v1",
  NetworkPolicy: "networking.k8s.io/v1",
  GatewayClass: "gateway.networking.k8s.io/v1",
  Gateway: "gateway.networking.k8s.io/v1",
  HTTPRoute: "gateway.networking.k8s.io/v1",
  GRPCRoute: "gateway.networking.k8s.io/v1",
  TCPRoute: ["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1alpha2"],
  TLSRoute: ["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1alpha2"],
  ReferenceGrant: "gateway.networking.k8s.io/v1beta1",
  AuthorizationPolicy: "security.istio.io/v1",
  PeerAuthentication: "security.istio.io/v1",
  RequestAuthentication: "security.istio.io/v1",
  VirtualService: "networking.istio.io/v1",
  DestinationRule: "networking.istio.io/v1",
  ServiceEntry: "networking.istio.io/v1",
  Sidecar: "networking.istio.io/v1",
  EnvoyFilter: "networking.istio.io/v1alpha3",
  WasmPlugin: "extensions.istio.io/v1alpha1",
  TrafficExtension: "extensions.istio.io/v1alpha1",
};

/**
 * Reads a mesh. Nothing is changed.
 * @throws ApiError when the pods of the cluster cannot be listed
 */
export async function readMesh(client: ClusterReader, signal: AbortSignal): Promise<Mesh> {
  const unread: UnreadKind[] = [];
  const lists = Object.entries(meshKinds).flatMap(([kind, versions]) =>
    [versions].flat().map(async (apiVersion) => {
      try {
        const items = await client.list({ apiVersion, kind }, signal);
        // Items of a list have no apiVersion and no kind.
        return items.map((item): KubeObject => ({ ...item, apiVersion, kind }));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ApiError) || kind === "Pod") throw error;
        if (!unread.some((each) => each.kind === kind)) unread.push({ kind, reason: messageOf(error) });
        return [];
      }
    }),
  );
  const objects = withoutDuplicates((await Promise.all(lists)).flat());
  const { ofIstiod, unreadable, ...settings } = await meshSettings(client, objects, signal);
  return {
    ...{ objects: [...objects, ...ofIstiod], ...settings },
    unread: [...unread, ...(unreadable === undefined ? [] : [{ kind: "MeshConfig", reason: unreadable }])],
  };
}

/** The objects, each once, although it may be listed in several versions. */
function withoutDuplicates(objects: readonly KubeObject[]): KubeObject[] {
  const key = ({ kind, metadata }: KubeObject) => `${kind} ${metadata?.namespace ?? ""}/${metadata?.name}`;
  return [...new Map(objects.map((object) => [key(object), object])).values()];
}

type MeshSettings = Pick<Mesh, "rootNamespace" | "revision" | "trustDomain" | "trustDomainAliases"> & {
  ofIstiod: KubeObject[];
  /** Why the settings are not known. */
  unreadable?: string;
};

/** Settings from the Deployment of istiod and from the ConfigMap of the MeshConfig, which are named after the revision. */
async function meshSettings(
  client: ClusterReader,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<MeshSettings> {
  const found = revisionOf(objects);
  const [istiod] = istiods(objects).filter((pod) => !("revision" in found) || revisionLabel(pod) === found.revision);
  const namespace = istiod?.metadata?.namespace ?? meshNamespace;
  const unknown = { ofIstiod: [], rootNamespace: namespace, trustDomain: "cluster.local", trustDomainAliases: [] };
  if (!("revision" in found)) return { ...unknown, unreadable: found.unknown };
  const { revision } = found;
  const suffix = revision === defaultRevision ? "" : `-${revision}`;
  const read = async (apiVersion: string, kind: string, name: string): Promise<KubeObject[]> => {
    const object = await client.read({ apiVersion, kind, namespace, name: `${name}${suffix}` }, signal);
    return object ? [{ ...object, apiVersion, kind }] : [];
  };
  try {
    const [map = [], deployment = []] = await Promise.all([
      read("v1", "ConfigMap", "istio"),
      read("apps/v1", "Deployment", "istiod"),
    ]);
    const config: unknown = parseYaml(textAt(map[0], "data", "mesh") ?? "{}");
    return {
      ...{ ofIstiod: [...map, ...deployment], revision },
      rootNamespace: textAt(config, "rootNamespace") ?? namespace,
      trustDomain: textAt(config, "trustDomain") ?? "cluster.local",
      trustDomainAliases: textsAt(config, "trustDomainAliases"),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ApiError)) throw error;
    return { ...unknown, revision, unreadable: messageOf(error) };
  }
}

const defaultRevision = "default";
const revisionKey = "istio.io/rev";
const revisionLabel = ({ metadata }: KubeObject): string => metadata?.labels?.[revisionKey] ?? defaultRevision;

const istiods = (objects: readonly KubeObject[]): KubeObject[] =>
  objects.filter(({ kind, metadata }) => kind === "Pod" && metadata?.labels?.app === "istiod");

/**
 * The revision of the istiod that configures the mesh: the only revision, or the revision that the labels of all namespaces in the mesh
 * and of all Gateways select, by name or by tag (istio 1.31, manifests/charts/istio-control/istio-discovery: revision-tags-svc.yaml).
 */
function revisionOf(objects: readonly KubeObject[]): { revision: string } | { unknown: string } {
  const running = [...new Set(istiods(objects).map(revisionLabel))].sort();
  const [only = defaultRevision, ...more] = running;
  if (more.length === 0) return { revision: only };
  const tags = new Map(
    objects
      .filter(({ kind, metadata }) => kind === "Service" && metadata?.labels?.["istio.io/tag"] !== undefined)
      .map((service) => [service.metadata?.labels?.["istio.io/tag"] ?? "", revisionLabel(service)]),
  );
  const ofMesh = objects.filter(
    ({ kind, metadata }) =>
      (kind === "Namespace" && metadata?.labels?.[labelKeys.dataplaneMode] === "ambient") ||
      (kind === "Gateway" && metadata?.labels?.[revisionKey] !== undefined),
  );
  const named = [...new Set(ofMesh.map(revisionLabel))].sort();
  const selected = [...new Set(named.map((name) => tags.get(name) ?? name))];
  const [revision] = selected;
  if (revision !== undefined && selected.length === 1 && running.includes(revision)) return { revision };
  return {
    unknown: `istiod runs in the revisions ${running.join(", ")}, and the namespaces of the mesh select ${named.join(", ") || "none"}`,
  };
}

/** Version of Istio, from the image of istiod; undefined where it has no tag, or where istiod is not known. */
export function istioVersion({ objects, revision }: Mesh): string | undefined {
  const istiod = istiods(objects).find((pod) => revisionLabel(pod) === revision);
  return /:(\d+\.\d+[^@-]*)/.exec(textAt(at(istiod, "spec", "containers", 0), "image") ?? "")?.[1];
}
