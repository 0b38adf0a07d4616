import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { helmRecords } from "../../../../tools/bench/helm-records";
import { type Part, partsOf } from "../../../../tools/bench/parts";
import { commandsOf, type ScriptPlace } from "../../../../tools/bench/script";

const urn = (type: string, name: string) => `urn:pulumi:bench::ambient-lab::${type}::${name}`;
const resource = (type: string, name: string, inputs: Record<string, unknown>, parent?: string) => ({
  ...{ urn: urn(type, name), type, inputs },
  ...(parent ? { parent: urn("ambientlab:mesh:Part", parent) } : {}),
});
const gateway = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "Gateway",
  metadata: { name: "waypoint", namespace: "default", annotations: { "pulumi.com/waitFor": "condition=Programmed" } },
};
const command = (name: string, environment: Record<string, string>, more = {}) =>
  resource("command:local:Command", name, {
    create: `. ./${name}.sh`,
    interpreter: ["/bin/sh", "-c"],
    environment,
    ...more,
  });

const state = [
  resource("pulumi:providers:kubernetes", "kubernetes", {}),
  command("network-removal", { NETWORK: "lab" }, { create: undefined, delete: "docker network rm lab" }),
  command("images-pull", { IMAGES: "a:1\nb:1" }),
  {
    ...resource("docker:index/network:Network", "network", {}),
    outputs: { ipamConfigs: [{ subnet: "fc00::/64" }, { subnet: "172.19.0.0/16" }] },
  },
  command(
    "cluster-kind",
    { NODE_IMAGE: "node:1@sha256:0", CERTS_DIR: "/home/u/certs.d", CLUSTER: "lab" },
    { stdin: "mount /home/u/certs.d" },
  ),
  command("sysctls", { CLUSTER: "lab", SYSCTLS: "a=1" }),
  command("images-load", { IMAGES: "a:1\nb:1", CLUSTER: "lab" }),
  resource("kubernetes:helm.sh/v3:Release", "mesh", {
    name: "istiod",
    chart: "/c/istiod.tgz",
    namespace: "istio-system",
    createNamespace: true,
    values: { a: 1 },
  }),
  resource("kubernetes:gateway.networking.k8s.io/v1:Gateway", "gateway", gateway, "waypoint"),
  resource(
    "kubernetes:core/v1:NamespacePatch",
    "enrolment",
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } },
    "mesh",
  ),
  resource(
    "kubernetes:apps/v1:DeploymentPatch",
    "rollout",
    { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "waypoint", namespace: "default" } },
    "waypoint",
  ),
];
const place: ScriptPlace = { cluster: "floor", lab: "lab", folder: "/w", nodeImage: "node:1" };
const linesOf = (parts: readonly Part[], where = place) =>
  parts.flatMap((part) => commandsOf(part, where)).map(({ file, args }) => [file, ...args].join(" "));

describe("the script", () => {
  test("installs what the state holds, part by part, with what is awaited", () => {
    expect(partsOf(state).map(({ name }) => name)).toEqual([
      ...["network", "cluster-kind", "sysctls", "images-load", "istiod", "objects of waypoint", "objects of mesh"],
    ]);
    expect(linesOf(partsOf(state))).toMatchInlineSnapshot(`
      [
        "docker network create --driver bridge --subnet 172.19.0.0/16 floor",
        "kind create cluster --name floor --image node:1 --kubeconfig /w/kubeconfig --config - --wait 180s",
        "docker exec --interactive floor-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf wait --for=condition=Ready nodes --all --timeout=600s",
        "/bin/sh -c . ./sysctls.sh",
        "docker save --output /w/images.tar a:1 b:1",
        "kind load image-archive /w/images.tar --name floor",
        "helm install istiod /c/istiod.tgz --namespace istio-system --create-namespace --values - --wait --timeout 600s --kubeconfig /w/kubeconfig --kube-context kind-floor",
        "docker exec --interactive floor-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf apply --server-side --force-conflicts --filename -",
        "docker exec --interactive floor-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf wait --for=condition=Programmed Gateway.v1.gateway.networking.k8s.io/waypoint --namespace default --timeout=600s",
        "docker exec --interactive floor-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf rollout status Deployment/waypoint --namespace default --timeout=600s",
        "docker exec --interactive floor-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf apply --server-side --force-conflicts --filename -",
      ]
    `);
  });

  test("touches nothing of the lab: cluster, folder and kubeconfig are its own", () => {
    const commands = partsOf(state).flatMap((part) => commandsOf(part, place));
    expect(JSON.stringify(commands)).not.toMatch(/"lab"|\/home\/u|lab-control-plane/);
    expect(commands.find(({ file, args }) => file === "kind" && args.includes("create"))).toMatchObject({
      input: "mount /w/certs.d",
      env: { KIND_EXPERIMENTAL_DOCKER_NETWORK: "floor" },
    });
    expect(commands.find(({ file }) => file === "helm")?.input).toBe('{"a":1}');
  });

  test("applies a patch of something that others own, and only awaits a Deployment that istiod makes", () => {
    const applied = partsOf(state)
      .flatMap((part) => commandsOf(part, place))
      .flatMap(({ input }) => (input?.includes('"List"') ? [JSON.parse(input) as { items: { kind: string }[] }] : []));
    expect(applied.map(({ items }) => items.map(({ kind }) => kind))).toEqual([["Gateway"], ["Namespace"]]);
  });

  test("does without Helm by what Helm has recorded", () => {
    const manifest =
      "---\nkind: Deployment\nmetadata:\n  name: istiod\n---\nkind: ConfigMap\nmetadata:\n  name: istio\n";
    const packed = gzipSync(JSON.stringify({ name: "istiod", manifest, version: 1 })).toString("base64");
    const release = Buffer.from(packed).toString("base64");
    const records = helmRecords(JSON.stringify({ items: [{ data: { release } }] }));
    const parts = partsOf(state).filter((part) => part.do === "release");
    expect(linesOf(parts, { ...place, records })).toEqual([
      "docker exec --interactive floor-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf create namespace istio-system",
      "docker exec --interactive floor-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf apply --server-side --force-conflicts --filename -",
      "docker exec --interactive floor-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf rollout status Deployment/istiod --namespace istio-system --timeout=600s",
    ]);
    expect(() => linesOf(parts, { ...place, records: new Map() })).toThrow('no Helm release "istiod"');
  });
});
