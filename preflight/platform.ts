import type { LabConfig } from "../config/schema";
import type { Problem } from "../host/errors";
import type { ApiObject, ReadApi } from "../host/kube-api";
import { type ClusterAddress, kubectlOf } from "../host/paths";

type Platform = NonNullable<LabConfig["platform"]>;

/**
 * Requirements of Istio ambient on the platform and the CNI of an existing cluster that are not met
 * (istio/istio.io content/en/docs/ambient/install/platform-prerequisites/index.md).
 */
export async function platformProblems(read: ReadApi, config: LabConfig, at: ClusterAddress): Promise<Problem[]> {
  const [version, nodes, cilium] = await Promise.all([
    read("/version"),
    read("/api/v1/nodes?limit=1"),
    read("/api/v1/namespaces/kube-system/configmaps/cilium-config"),
  ]);
  const platform = platformOf(version?.gitVersion ?? "", nodes?.items?.[0]);
  return [...(platform && !config.platform ? [unset(platform)] : []), ...ciliumProblems(cilium?.data ?? {}, at)];
}

/** Platform whose values of Istio's charts (manifests/helm-profiles/platform-*.yaml) the cluster requires. */
function platformOf(version: string, node: ApiObject | undefined): Platform | undefined {
  const { name = "", labels = {}, annotations = {} } = node?.metadata ?? {};
  if (version.includes("-gke.")) return "gke";
  // The values contain the folders of the bundled CNI, flannel; another CNI uses the standard folders.
  if (version.includes("+k3s") && annotations["flannel.alpha.coreos.com/backend-type"] !== undefined)
    return name.startsWith("k3d-") ? "k3d" : "k3s";
  if (labels["microk8s.io/cluster"] !== undefined) return "microk8s";
  // Docker manages the network namespaces only if the kubelet uses Docker as its runtime.
  const runtime = node?.status?.nodeInfo?.containerRuntimeVersion ?? "";
  return labels["minikube.k8s.io/name"] !== undefined && runtime.startsWith("docker:") ? "minikube" : undefined;
}

const unset = (platform: Platform): Problem => ({
  what: `This cluster is ${platform}, and config key "platform" is not set`,
  why: "istio-cni needs other folders there than Istio's charts have by default; without them no pod joins the mesh",
  fix: `npm run lab -- config set platform ${platform}`,
});

/** Keys of the ConfigMap of Cilium's agents (cilium/cilium install/kubernetes/cilium/templates/cilium-configmap.yaml). */
function ciliumProblems(data: Readonly<Record<string, string>>, at: ClusterAddress): Problem[] {
  const problems: Problem[] = [];
  if (data["cni-exclusive"] === "true") {
    problems.push({
      what: "Cilium is this cluster's only CNI plugin (cni-exclusive)",
      why: "It removes the configuration that istio-cni chains behind it, and no pod joins the mesh",
      fix: changeCilium(at, "cni-exclusive", "cni.exclusive=false"),
    });
  }
  if (data["enable-bpf-masquerade"] === "true" && data["enable-ipv4-masquerade"] !== "false") {
    problems.push({
      what: "Cilium masquerades by BPF in this cluster (enable-bpf-masquerade)",
      why: "The kubelet's probes of pods in the mesh come from a link-local address, and do not arrive",
      fix: changeCilium(at, "enable-bpf-masquerade", "bpf.masquerade=false"),
    });
  }
  return problems;
}

function changeCilium(at: ClusterAddress, key: string, value: string): string {
  const kubectl = `${kubectlOf(at)} --namespace kube-system`;
  const patch = `${kubectl} patch configmap cilium-config --patch '{"data":{"${key}":"false"}}'`;
  return `${patch} && ${kubectl} rollout restart daemonset cilium   (or set ${value} in Helm's values)`;
}
