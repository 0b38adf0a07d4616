import { parse as parseYaml } from "yaml";
import { meshNamespace } from "../../config/vocabulary";
import { messageOf } from "../../host/errors";
import { at, textAt, textsAt } from "../../verify/json";
import { ApiError } from "../../verify/kube/rest";
import type { ClusterReader, KubeObject } from "../../verify/lab-client";
import type { Mesh, UnreadKind } from "../types";

/** The kinds that decide who may reach what, or name who and what there is. */
const meshKinds = {
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
} as const;

/**
 * Reads a mesh. Nothing is changed.
 * @throws ApiError when the pods of the cluster cannot be listed: without them there is nothing to ask about
 */
export async function readMesh(client: ClusterReader, signal: AbortSignal): Promise<Mesh> {
  const unread: UnreadKind[] = [];
  const lists = Object.entries(meshKinds).map(async ([kind, apiVersion]) => {
    try {
      const items = await client.list({ apiVersion, kind }, signal);
      // The items of a list have neither.
      return items.map((item): KubeObject => ({ ...item, apiVersion, kind }));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ApiError) || kind === "Pod") throw error;
      unread.push({ kind, reason: messageOf(error) });
      return [];
    }
  });
  const objects = (await Promise.all(lists)).flat();
  const { ofIstiod, ...settings } = await meshSettings(client, objects, signal);
  return { objects: [...objects, ...ofIstiod], unread, ...settings };
}

/** istiod's own pod names the namespace and the revision of its Deployment and of the ConfigMap that holds MeshConfig. */
async function meshSettings(
  client: ClusterReader,
  objects: readonly KubeObject[],
  signal: AbortSignal,
): Promise<Pick<Mesh, "rootNamespace" | "trustDomain" | "trustDomainAliases"> & { ofIstiod: KubeObject[] }> {
  const istiod = objects.find(({ kind, metadata }) => kind === "Pod" && metadata?.labels?.app === "istiod");
  const namespace = istiod?.metadata?.namespace ?? meshNamespace;
  const revision = istiod?.metadata?.labels?.["istio.io/rev"] ?? "default";
  const suffix = revision === "default" ? "" : `-${revision}`;
  const read = async (apiVersion: string, kind: string, name: string): Promise<KubeObject[]> => {
    const found = await client.read({ apiVersion, kind, namespace, name: `${name}${suffix}` }, signal);
    return found ? [{ ...found, apiVersion, kind }] : [];
  };
  const [map = [], deployment = []] = await Promise.all([
    read("v1", "ConfigMap", "istio"),
    read("apps/v1", "Deployment", "istiod"),
  ]);
  const config: unknown = parseYaml(textAt(map[0], "data", "mesh") ?? "{}");
  return {
    ofIstiod: [...map, ...deployment],
    rootNamespace: textAt(config, "rootNamespace") ?? namespace,
    trustDomain: textAt(config, "trustDomain") ?? "cluster.local",
    trustDomainAliases: textsAt(config, "trustDomainAliases"),
  };
}

/** Version of Istio, from the image of istiod; undefined where it has no tag. */
export function istioVersion({ objects }: Mesh): string | undefined {
  const istiod = objects.find(({ kind, metadata }) => kind === "Pod" && metadata?.labels?.app === "istiod");
  return /:(\d+\.\d+[^@-]*)/.exec(textAt(at(istiod, "spec", "containers", 0), "image") ?? "")?.[1];
}
