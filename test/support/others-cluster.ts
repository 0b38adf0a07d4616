import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { addressRange } from "../../components/metallb";
import { exec } from "../../host/exec";

/** A kind cluster that no lab created, with a load balancer, a Gateway API, and namespaces and objects of other users. */
export interface OthersCluster {
  /** Path with a space. The current context is of another cluster, and the user has a credential plugin. */
  readonly kubeconfig: string;
  readonly context: string;
  /** kubectl as the cluster's administrator; throws unless it succeeds. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /**
   * Every object of every kind, by kind, namespace and name, without the fields and kinds that controllers and the server update:
   * status, resource versions, times of field managers, events and leases.
   */
  objects(): Promise<Map<string, unknown>>;
  remove(): Promise<void>;
}

const cluster = "ambient-lab-test-others";
const context = "arn:aws:eks:eu-west-1:111122223333:cluster/others";
const minutes = (count: number) => count * 60_000;

async function succeeds(file: string, args: readonly string[], input?: string): Promise<string> {
  const result = await exec(file, args, { timeoutMs: minutes(5), ...(input === undefined ? {} : { input }) });
  if (result.code !== 0) throw new Error(`"${result.command}" failed: ${result.stderr || result.stdout}`);
  return result.stdout;
}

/**
 * Creates the cluster, with two nodes.
 * @param images images that are loaded into its nodes, which pull none
 * @param manifests manifests of MetalLB and the Gateway API
 */
export async function startOthersCluster(
  nodeImage: string,
  images: readonly string[],
  manifests: readonly string[],
): Promise<OthersCluster> {
  const folder = mkdtempSync(join(tmpdir(), "ambient-lab-others-"));
  const hadNetwork = (await exec("docker", ["network", "inspect", "kind"])).code === 0;
  const deleteCluster = () => exec("kind", ["delete", "cluster", "--name", cluster, "--kubeconfig", admin]);
  const admin = join(folder, "admin");
  const inNode = ["exec", "--interactive", `${cluster}-control-plane`];
  const kubectl = (args: readonly string[], input?: string) =>
    succeeds("docker", [...inNode, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", ...args], input);
  const remove = async () => {
    await deleteCluster();
    if (!hadNetwork) await exec("docker", ["network", "rm", "kind"]);
    rmSync(folder, { recursive: true, force: true });
  };

  await deleteCluster();
  try {
    const config = JSON.stringify({
      ...{ kind: "Cluster", apiVersion: "kind.x-k8s.io/v1alpha4" },
      networking: { ipFamily: "ipv4", apiServerAddress: "127.0.0.1" },
      nodes: [{ role: "control-plane" }, { role: "worker" }],
    });
    const create = ["create", "cluster", "--name", cluster, "--image", nodeImage, "--kubeconfig", admin];
    await succeeds("kind", [...create, "--config", "-", "--wait", "120s"], config);
    await succeeds("kind", ["load", "docker-image", "--name", cluster, ...images]);
    for (const file of manifests) {
      await kubectl(["apply", "--server-side", "--filename", "-"], readFileSync(file, "utf8"));
    }
    await kubectl(["rollout", "status", "--namespace", "metallb-system", "deployment/controller", "--timeout=120s"]);
    await kubectl(["rollout", "status", "--namespace", "metallb-system", "daemonset/speaker", "--timeout=120s"]);
    const subnets = await succeeds("docker", [
      ...["network", "inspect", "kind", "--format", "{{range .IPAM.Config}}{{println .Subnet}}{{end}}"],
    ]);
    const [subnet = ""] = subnets.split("\n").filter((each) => each.includes("."));
    await kubectl(["apply", "--filename", "-"], JSON.stringify(othersObjects(addressRange(subnet))));
    await kubectl(["apply", "--filename", "-"], JSON.stringify(widget));
    await kubectl(["label", "namespace", "default", "team=platform"]);
    await kubectl(["annotate", "namespace", "default", "contact=platform@example.org"]);
    await kubectl(["rollout", "status", "--namespace", "shop", "deployment/web", "--timeout=120s"]);
    const token = await kubectl(["create", "token", "admin", "--namespace", "kube-system", "--duration", "2h"]);
    return { kubeconfig: kubeconfigOf(folder, admin, token), context, kubectl, remove, objects: () => all(kubectl) };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A kubeconfig with several contexts and a credential plugin. */
function kubeconfigOf(folder: string, admin: string, token: string): string {
  const login = join(folder, "their-login");
  const credential = {
    ...{ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential" },
    status: { token: token.trim() },
  };
  writeFileSync(login, `#!/bin/sh\ncat <<'END'\n${JSON.stringify(credential)}\nEND\n`);
  chmodSync(login, 0o755);
  const { clusters } = parse(readFileSync(admin, "utf8")) as { clusters: { cluster: unknown }[] };
  const plugin = {
    ...{ apiVersion: credential.apiVersion, command: login, args: ["--cluster", "others"] },
    ...{ interactiveMode: "Never", provideClusterInfo: false },
  };
  const file = join(folder, "their files", "cloud config.yaml");
  mkdirSync(join(folder, "their files"));
  writeFileSync(
    file,
    JSON.stringify({
      ...{ apiVersion: "v1", kind: "Config", "current-context": "elsewhere" },
      clusters: [
        { name: "elsewhere", cluster: { server: "https://127.0.0.1:1" } },
        { name: context, cluster: clusters[0]?.cluster },
      ],
      users: [
        { name: "elsewhere", user: { token: "none" } },
        { name: "sso", user: { exec: plugin } },
      ],
      contexts: [
        { name: "elsewhere", context: { cluster: "elsewhere", user: "elsewhere" } },
        { name: context, context: { cluster: context, user: "sso", namespace: "shop" } },
      ],
    }),
  );
  return file;
}

interface Listed {
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    resourceVersion?: string;
    managedFields?: { manager?: string; subresource?: string; time?: string }[];
  };
  status?: unknown;
}

/** Kinds that the server or controllers change by themselves, and kinds derived from others. */
const volatile = /^(events|leases|componentstatuses|endpoints)(\.|$)/;

async function all(kubectl: OthersCluster["kubectl"]): Promise<Map<string, unknown>> {
  const kinds = (await kubectl(["api-resources", "--verbs=list", "--output=name"])).split("\n");
  const wanted = kinds.filter((kind) => kind !== "" && !volatile.test(kind)).join(",");
  const { items } = JSON.parse(
    await kubectl(["get", wanted, "--all-namespaces", "--output=json", "--show-managed-fields"]),
  );
  return new Map((items as Listed[]).map((each) => [keyOf(each), lasting(each)]));
}

const keyOf = ({ kind, metadata }: Listed): string => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;

function lasting({ status: _status, ...object }: Listed): unknown {
  const { resourceVersion: _version, managedFields = [], ...metadata } = object.metadata;
  const managers = managedFields
    .filter(({ subresource }) => subresource !== "status")
    .map(({ time: _time, ...entry }) => JSON.stringify(entry))
    .sort();
  return { ...object, metadata: { ...metadata, managers } };
}

const widget = {
  ...{ apiVersion: "example.org/v1", kind: "Widget", metadata: { name: "one", namespace: "shop" } },
  spec: { size: 1 },
};

const rbac = "rbac.authorization.k8s.io";
const gatewayApi = "gateway.networking.k8s.io/v1";

/** Objects of other users: in their own namespace, in "default", and without a namespace. */
function othersObjects(addresses: string) {
  const object = (apiVersion: string, kind: string, name: string, namespace: string | undefined, rest: object) => ({
    ...{ apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}) } },
    ...rest,
  });
  const shop = (apiVersion: string, kind: string, name: string, rest: object) =>
    object(apiVersion, kind, name, "shop", rest);
  const ofCluster = (apiVersion: string, kind: string, name: string, rest: object) =>
    object(apiVersion, kind, name, undefined, rest);
  const labels = { app: "web" };
  const pod = (more: object) => ({
    containers: [{ name: "web", image: "docker.io/ambient-lab/rig-httpbin:2", imagePullPolicy: "Never" }],
    ...more,
  });
  const subjects = (name: string, namespace: string) => [{ kind: "ServiceAccount", name, namespace }];
  const items = [
    {
      ...{ apiVersion: "v1", kind: "Namespace" },
      metadata: {
        name: "shop",
        labels: { team: "shop", "pod-security.kubernetes.io/enforce": "baseline" },
        annotations: { contact: "shop@example.org" },
      },
    },
    object("metallb.io/v1beta1", "IPAddressPool", "theirs", "metallb-system", { spec: { addresses: [addresses] } }),
    object("metallb.io/v1beta1", "L2Advertisement", "theirs", "metallb-system", {}),
    shop("apps/v1", "Deployment", "web", {
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod({}) } },
    }),
    shop("v1", "Service", "web", {
      spec: { type: "LoadBalancer", selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
    }),
    {
      ...{ apiVersion: "v1", kind: "ConfigMap", data: { key: "value" } },
      metadata: { name: "theirs", namespace: "shop", labels: { "istio.io/config": "true" } },
    },
    shop("v1", "Secret", "theirs", { stringData: { key: "value" } }),
    shop("v1", "ServiceAccount", "theirs", {}),
    shop("v1", "ResourceQuota", "theirs", { spec: { hard: { pods: "20" } } }),
    shop("v1", "LimitRange", "theirs", { spec: { limits: [{ type: "Container", defaultRequest: { cpu: "10m" } }] } }),
    shop("networking.k8s.io/v1", "NetworkPolicy", "theirs", { spec: { podSelector: {}, ingress: [{}] } }),
    shop("networking.k8s.io/v1", "Ingress", "theirs", {
      spec: { ingressClassName: "theirs", defaultBackend: { service: { name: "web", port: { number: 80 } } } },
    }),
    shop("policy/v1", "PodDisruptionBudget", "theirs", {
      spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
    }),
    shop("batch/v1", "CronJob", "theirs", {
      spec: {
        ...{ schedule: "0 3 1 1 *", suspend: true },
        jobTemplate: { spec: { template: { spec: pod({ restartPolicy: "Never" }) } } },
      },
    }),
    shop(`${rbac}/v1`, "Role", "theirs", { rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }] }),
    shop(`${rbac}/v1`, "RoleBinding", "theirs", {
      roleRef: { apiGroup: rbac, kind: "Role", name: "theirs" },
      subjects: subjects("theirs", "shop"),
    }),
    shop(gatewayApi, "Gateway", "theirs", {
      spec: { gatewayClassName: "theirs", listeners: [{ name: "http", port: 8080, protocol: "HTTP" }] },
    }),
    shop(gatewayApi, "HTTPRoute", "theirs", {
      spec: { parentRefs: [{ name: "theirs" }], rules: [{ backendRefs: [{ name: "web", port: 80 }] }] },
    }),
    ofCluster(gatewayApi, "GatewayClass", "theirs", { spec: { controllerName: "example.org/controller" } }),
    // For an Istio that is not installed.
    ofCluster(gatewayApi, "GatewayClass", "theirs-of-istio", {
      spec: { controllerName: "istio.io/gateway-controller" },
    }),
    ...["ConfigMap", "Secret", "ServiceAccount"].map((kind) => object("v1", kind, "theirs", "default", {})),
    ofCluster("apiextensions.k8s.io/v1", "CustomResourceDefinition", "widgets.example.org", {
      spec: {
        ...{ group: "example.org", scope: "Namespaced", names: { kind: "Widget", plural: "widgets" } },
        versions: [
          {
            ...{ name: "v1", served: true, storage: true },
            schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
          },
        ],
      },
    }),
    ofCluster(`${rbac}/v1`, "ClusterRole", "theirs", {
      rules: [{ apiGroups: [""], resources: ["nodes"], verbs: ["get"] }],
    }),
    ofCluster(`${rbac}/v1`, "ClusterRoleBinding", "theirs", {
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "theirs" },
      subjects: subjects("theirs", "shop"),
    }),
    object("v1", "ServiceAccount", "admin", "kube-system", {}),
    ofCluster(`${rbac}/v1`, "ClusterRoleBinding", "admin", {
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "cluster-admin" },
      subjects: subjects("admin", "kube-system"),
    }),
    ofCluster("scheduling.k8s.io/v1", "PriorityClass", "theirs", { value: 5 }),
    ofCluster("node.k8s.io/v1", "RuntimeClass", "theirs", { handler: "runc" }),
    ofCluster("networking.k8s.io/v1", "IngressClass", "theirs", { spec: { controller: "example.org/controller" } }),
    ofCluster("storage.k8s.io/v1", "StorageClass", "theirs", { provisioner: "example.org/none" }),
    ofCluster("v1", "PersistentVolume", "theirs", {
      spec: {
        ...{ capacity: { storage: "1Mi" }, accessModes: ["ReadWriteOnce"], storageClassName: "theirs" },
        hostPath: { path: "/tmp/theirs" },
      },
    }),
    ofCluster("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "theirs", {
      webhooks: [
        {
          ...{ name: "theirs.example.org", clientConfig: { url: "https://127.0.0.1:1/" }, failurePolicy: "Ignore" },
          ...{ sideEffects: "None", admissionReviewVersions: ["v1"], timeoutSeconds: 1 },
          namespaceSelector: { matchLabels: { team: "shop" } },
          rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["configmaps"] }],
        },
      ],
    }),
  ];
  return { apiVersion: "v1", kind: "List", items };
}
