import { clientConfig } from "../../host/kube-api";
import type { ClusterAddress } from "../../host/paths";
import type { StackState } from "../engine/types";

/** Objects of an uninstalled Istio. */
export interface Swept {
  removed: string[];
  /** Definitions that were kept, because they have objects of others. */
  stay: string[];
}

interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: {
    name?: string;
    namespace?: string;
    annotations?: Record<string, string>;
    managedFields?: { manager?: string; subresource?: string }[];
  };
}

interface Definition extends KubernetesObject {
  spec: { group: string; names: { kind: string }; versions: { name: string; storage: boolean }[] };
}

/** ConfigMaps that istiod writes into every namespace. */
const certificates = ["istio-ca-root-cert", "istio-ca-crl"] as const;

/** Whether the stack installed Istio, so that its leftovers are the stack's. */
export function installedMesh({ resources }: StackState): boolean {
  return resources.some(({ type, inputs }) => type === "kubernetes:helm.sh/v3:Release" && inputs?.name === "istiod");
}

/**
 * Removes the objects that an uninstalled Istio leaves in an existing cluster: its definitions, which Helm keeps at an uninstall,
 * and the GatewayClasses and certificates that istiod creates.
 * @returns undefined when the cluster does not answer, or another istiod runs
 */
export async function sweepMesh(address: ClusterAddress): Promise<Swept | undefined> {
  const config = await clientConfig(address);
  if (!config) return undefined;
  const { AppsV1Api, CoreV1Api, KubernetesObjectApi } = await import("@kubernetes/client-node");
  const api = KubernetesObjectApi.makeApiClient(config);
  const swept: Swept = { removed: [], stay: [] };
  const remove = async (object: KubernetesObject, apiVersion: string, kind: string) => {
    const { name = "", namespace } = object.metadata ?? {};
    await api.delete({ apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}) } });
    swept.removed.push(`${kind} ${namespace ? `${namespace}/` : ""}${name}`);
  };

  const apps = config.makeApiClient(AppsV1Api);
  const others = await apps.listDeploymentForAllNamespaces({ labelSelector: "app=istiod" });
  if (others.items.length > 0) return undefined;

  const crds = "apiextensions.k8s.io/v1";
  const definitions: Definition[] = (await api.list<Definition>(crds, "CustomResourceDefinition")).items;
  const gatewayClasses = definitions.find(
    ({ metadata }) => metadata?.name === "gatewayclasses.gateway.networking.k8s.io",
  );
  if (gatewayClasses) {
    const version = `gateway.networking.k8s.io/${storageOf(gatewayClasses)}`;
    const classes = (await api.list(version, "GatewayClass")).items;
    for (const each of classes.filter(isByIstiod)) await remove(each, version, "GatewayClass");
  }
  for (const each of definitions.filter(isIstios)) {
    const { group, names } = each.spec;
    const used = await api.list(
      `${group}/${storageOf(each)}`,
      names.kind,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      1,
    );
    if (used.items.length > 0) swept.stay.push(`CustomResourceDefinition ${each.metadata?.name}`);
    else await remove(each, crds, "CustomResourceDefinition");
  }
  const core = config.makeApiClient(CoreV1Api);
  for (const name of certificates) {
    const found = await core.listConfigMapForAllNamespaces({
      fieldSelector: `metadata.name=${name}`,
      labelSelector: "istio.io/config=true",
    });
    for (const each of found.items) await remove(each, "v1", "ConfigMap");
  }
  return swept;
}

const storageOf = ({ spec }: Definition): string => spec.versions.find(({ storage }) => storage)?.name ?? "v1";

/**
 * Whether istiod created a class. Its field manager is the name of its program (istio 1.31, pkg/kube/util.go). Of a class of
 * others it writes only the status.
 */
const isByIstiod = ({ metadata }: KubernetesObject): boolean =>
  (metadata?.managedFields ?? []).some(
    ({ manager, subresource }) => manager === "pilot-discovery" && subresource === undefined,
  );

/** Whether a definition belongs to the release that the lab installs. */
function isIstios({ spec, metadata }: Definition): boolean {
  const { annotations } = metadata ?? {};
  return (
    /(^|\.)istio\.io$/.test(spec.group) &&
    annotations?.["meta.helm.sh/release-name"] === "istio-base" &&
    annotations["meta.helm.sh/release-namespace"] === "istio-system"
  );
}
