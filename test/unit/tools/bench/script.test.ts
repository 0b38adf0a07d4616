import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { plannedArtifacts } from "../../../../artifacts/fetch";
import { recordProgram } from "../../../../cli/plan/record";
import { parseConfig } from "../../../../config/load";
import { partsOf, scriptOf } from "../../../../tools/bench/script";
import { ownLabHome } from "../../cli/world";

ownLabHome();

const urn = (type: string, name: string) => `urn:pulumi:bench::ambient-lab::${type}::${name}`;
const resource = (type: string, name: string, inputs: Record<string, unknown>, dependencies: string[] = []) => ({
  ...{ urn: urn(type, name), type, inputs, dependencies },
});
const object = (kind: string, inputs: { apiVersion: string; metadata: object }, dependencies: string[] = []) =>
  resource(`kubernetes:${inputs.apiVersion}:${kind}`, kind, inputs, dependencies);
const command = (name: string, environment: Record<string, string>, more = {}) =>
  resource("command:local:Command", name, {
    ...{ create: `. ./${name}.sh`, interpreter: ["/bin/sh", "-c"], environment },
    ...more,
  });

const gateway = object("Gateway", {
  apiVersion: "gateway.networking.k8s.io/v1",
  metadata: { name: "waypoint", annotations: { "pulumi.com/waitFor": "condition=Programmed" } },
});
const release = { name: "istiod", chart: "/c/istiod.tgz", namespace: "istio-system", createNamespace: true };
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
    { stdin: "mount: '/home/u/certs.d'\n" },
  ),
  command("sysctls", { CLUSTER: "lab", SYSCTLS: "a=1 b=2" }),
  command("images-load", { IMAGES: "a:1\nb:1", CLUSTER: "lab" }),
  resource("kubernetes:helm.sh/v3:Release", "mesh", { ...release, values: { a: "it's" } }),
  gateway,
  object("NamespacePatch", { apiVersion: "v1", metadata: { name: "default" } }),
  object("DeploymentPatch", { apiVersion: "apps/v1", metadata: { name: "waypoint" } }, [gateway.urn]),
];
const place = { cluster: "own", lab: "lab", folder: "/w", nodeImage: "node:1" };

describe("the script", () => {
  const text = scriptOf(state, place);

  test("installs what the state holds, one after another, and waits as the program does", () => {
    expect(text).toMatchInlineSnapshot(`
      "set -eu
      export MIRRORS= BUNDLE= CACHES= PLATFORM=
      . ./components/scripts/image-get.sh
      kubectl() { docker exec --interactive own-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
      docker network create --driver bridge --subnet 172.19.0.0/16 own
      trap 'kill "$!"; wait; exit 1' TERM
      KIND_EXPERIMENTAL_DOCKER_NETWORK=own kind create cluster --name own --image node:1 --kubeconfig /w/kubeconfig --config - --wait 180s <<'END_OF_INPUT' &
      mount: '/w/certs.d'
      END_OF_INPUT
      wait "$!"
      trap - TERM
      kubectl wait --for=condition=Ready nodes --all --timeout=600s
      env CLUSTER=own 'SYSCTLS=a=1 b=2' /bin/sh -c '. ./sysctls.sh'
      save /w/images.tar 'The nodes load their images from it' 'docker info' a:1 b:1
      kind load image-archive /w/images.tar --name own
      helm install istiod /c/istiod.tgz --namespace istio-system --create-namespace --values - --wait --timeout 600s --kubeconfig /w/kubeconfig --kube-context kind-own <<'END_OF_INPUT'
      {"a":"it's"}
      END_OF_INPUT
      kubectl apply --server-side --force-conflicts --filename - <<'END_OF_INPUT'
      {"apiVersion":"v1","kind":"List","items":[{"apiVersion":"gateway.networking.k8s.io/v1","metadata":{"name":"waypoint","annotations":{"pulumi.com/waitFor":"condition=Programmed"}},"kind":"Gateway"},{"apiVersion":"v1","metadata":{"name":"default"},"kind":"Namespace"}]}
      END_OF_INPUT
      kubectl wait --for=condition=Programmed Gateway.v1.gateway.networking.k8s.io/waypoint --namespace default --timeout=600s
      kubectl rollout status Deployment/waypoint --namespace default --timeout=600s
      "
    `);
  });

  test("is correct shell", () => {
    expect(spawnSync("sh", ["-n"], { input: text, encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    expect(spawnSync("sh", ["-n"], { input: `${text}\n(`, encoding: "utf8" }).status).not.toBe(0);
  });

  test("changes nothing of the lab: cluster, folder and kubeconfig are its own", () => {
    const ofLab = /[ =/']lab\b|\/home\/u/;
    expect(text).not.toMatch(ofLab);
    expect(scriptOf(state, { ...place, cluster: "lab" })).toMatch(ofLab);
  });
});

/** The real lab, resource by resource, as its state would hold it. */
const realLab = () =>
  recordProgram("ambient-lab", "t1", async () => {
    const { declareLab } = await import("../../../../program/lab.js");
    const config = parseConfig({});
    const host = { httpPort: 20_000, httpsPort: 10_000 };
    const artifacts = plannedArtifacts(config);
    return declareLab({ stack: "t1", owner: "u@h file:///", organization: "", config, artifacts, host });
  });

test("each part of the real lab comes after the parts that it needs, and objects are applied together", async () => {
  const parts = partsOf((await realLab()).filter(({ custom }) => custom));
  const placeOf = new Map(parts.flatMap((part, index) => part.map((each) => [each.urn, index] as const)));
  let compared = 0;
  for (const [index, part] of parts.entries()) {
    for (const { urn: needing, dependencies = [] } of part) {
      for (const needed of dependencies) {
        const before = placeOf.get(needed);
        if (before === undefined) continue;
        expect(before, `${needed} before ${needing}`).toBeLessThanOrEqual(index);
        compared += 1;
      }
    }
  }
  expect(compared).toBeGreaterThan(50);
  const applied = parts.filter(([first]) => first?.type.startsWith("kubernetes:") && !first.type.includes("helm.sh"));
  expect(applied.length).toBeLessThan(applied.flat().length / 2);
});
