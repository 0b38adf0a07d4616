import { appNamespace, labelKeys, meshNamespace } from "../config/vocabulary";
import { objects } from "../experiments/objects";
import type { ApiObject, ReadApi } from "../host/kube-api";

/** Facts about an existing cluster. */
export interface ClusterFacts {
  /** Such as "v1.33.4-eks-1a2b3c". */
  kubernetes: string;
  /** Version of Istio that istiod runs. */
  istio?: string;
  /** Stack whose lab owns the namespace of Istio; "" when no lab owns it; absent without the namespace. */
  meshOwner?: string;
  /** Gateway API bundle that the lab did not install. */
  gatewayApi?: { version: string; channel: string };
  /** Whether the cluster has a MetalLB that the lab did not install. */
  metallb: boolean;
  /** Control planes of Istio, except a Deployment with the name of the lab's own. */
  controlPlanes: readonly { object: string; revision: string }[];
  /** Revision or tag of Istio that the apps' namespace selects by a label. */
  selected?: string;
  /** Workloads and Services in the apps' namespace that are not the lab's, such as "Deployment web". */
  strangers: readonly string[];
}

/** Names of a lab's objects in the apps' namespace. */
const labNames: ReadonlySet<string> = new Set(
  Object.values(objects).flatMap((each) => (each.namespace === appNamespace ? [each.name] : [])),
);

/** Reads the facts about a cluster for the lab of a stack. */
export async function readCluster(read: ReadApi, stack: string): Promise<ClusterFacts> {
  const crd = (name: string) => read(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`);
  const mesh = await read("/api/v1/namespaces/istio-system");
  const meshOwner = mesh && ownerOf(mesh);
  const [version, istio, gateways, pools, controlPlanes, space, strangers] = await Promise.all([
    read("/version"),
    readIstio(read),
    crd("gateways.gateway.networking.k8s.io"),
    crd("ipaddresspools.metallb.io"),
    readControlPlanes(read),
    read(`/api/v1/namespaces/${appNamespace}`),
    readStrangers(read, stack, meshOwner),
  ]);
  const selected = space?.metadata?.labels?.[labelKeys.revision];
  const bundle = (key: string) => gateways?.metadata?.annotations?.[`gateway.networking.k8s.io/${key}`] ?? "unknown";
  return {
    kubernetes: version?.gitVersion ?? "",
    ...(istio ? { istio } : {}),
    ...(meshOwner === undefined ? {} : { meshOwner }),
    ...(gateways && !isReleased(gateways, "gateway-api")
      ? { gatewayApi: { version: bundle("bundle-version"), channel: bundle("channel") } }
      : {}),
    metallb: pools !== undefined && !isReleased(pools, "metallb"),
    controlPlanes,
    ...(selected && selected !== defaultRevision ? { selected } : {}),
    strangers,
  };
}

/** Istio's name for the revision of an istiod without one, such as the lab's. */
const defaultRevision = "default";

/** Istio's charts label every istiod (istio 1.31 manifests/charts/istio-control/istio-discovery/templates/deployment.yaml). */
async function readControlPlanes(read: ReadApi): Promise<ClusterFacts["controlPlanes"]> {
  const all = (await read("/apis/apps/v1/deployments?labelSelector=app%3Distiod"))?.items ?? [];
  return all.flatMap(({ metadata: { name = "", namespace = "", labels = {} } = {} }) =>
    namespace === meshNamespace && name === "istiod"
      ? []
      : [{ object: `Deployment ${namespace}/${name}`, revision: labels[labelKeys.revision] || defaultRevision }],
  );
}

/** Version of Istio that istiod runs; undefined without istiod. */
export async function readIstio(read: ReadApi): Promise<string | undefined> {
  const istiod = await read("/apis/apps/v1/namespaces/istio-system/deployments/istiod");
  const [container] = istiod?.spec?.template?.spec?.containers ?? [];
  return /:(\d+\.\d+\.\d+)[^/]*$/.exec(container?.image ?? "")?.[1];
}

/** Whether an object belongs to a release of the lab: Helm annotates each object with the name of its release. */
function isReleased({ metadata }: ApiObject, release: string): boolean {
  const { annotations } = metadata ?? {};
  return (
    annotations?.["meta.helm.sh/release-name"] === release &&
    annotations["meta.helm.sh/release-namespace"] === "kube-system"
  );
}

/** Pods of these controllers are not listed: the controller is. */
const controllers = new Set(["ReplicaSet", "StatefulSet", "DaemonSet"]);

async function readStrangers(read: ReadApi, stack: string, meshOwner: string | undefined): Promise<string[]> {
  const kinds = {
    Deployment: "/apis/apps/v1/namespaces/default/deployments",
    StatefulSet: "/apis/apps/v1/namespaces/default/statefulsets",
    DaemonSet: "/apis/apps/v1/namespaces/default/daemonsets",
    Pod: "/api/v1/namespaces/default/pods",
    Service: "/api/v1/namespaces/default/services",
  };
  const found = await Promise.all(
    Object.entries(kinds).map(async ([kind, path]) =>
      ((await read(path))?.items ?? [])
        .filter((each) => !isOurs(kind, each, stack, meshOwner))
        .map((each) => `${kind} ${nameOf(each)}`),
    ),
  );
  return found.flat();
}

const nameOf = ({ metadata }: ApiObject): string => metadata?.name ?? "";

/** Stack whose lab created an object; empty without the label. */
const ownerOf = ({ metadata }: ApiObject): string => metadata?.labels?.[labelKeys.stack] ?? "";

function isOurs(kind: string, object: ApiObject, stack: string, meshOwner: string | undefined): boolean {
  const { labels = {}, ownerReferences = [] } = object.metadata ?? {};
  if (kind === "Service" && nameOf(object) === "kubernetes") return true;
  if (kind === "Pod") return ownerReferences.some((owner) => controllers.has(owner.kind));
  // istiod creates these for a Gateway.
  if (labels["gateway.istio.io/managed"]) return true;
  if (ownerOf(object) !== "") return ownerOf(object) === stack;
  // Earlier versions labelled only the namespace of their mesh, and were not installed beside objects of these names.
  return meshOwner === stack && labNames.has(nameOf(object)) && isByPulumi(object);
}

const isByPulumi = ({ metadata }: ApiObject): boolean =>
  (metadata?.managedFields ?? []).some(({ manager }) => manager?.startsWith("pulumi-kubernetes"));
