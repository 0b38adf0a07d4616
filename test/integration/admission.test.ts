import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { type ApiServer, givenApiServer, type KubernetesObject, startApiServer } from "../support/apiserver";
import { profileNames, profiles } from "../support/profiles";
import { declare } from "../support/program";
import { requires } from "../support/skip";
import { policySets } from "../unit/access/computed/policy-sets";

const skip = requires(
  "admission",
  givenApiServer ? { programs: ["go"] } : { programs: ["go", "openssl", "curl"], rig: true },
);

/** Workloads whose pods read the network or the control groups of their node. */
const nodeReaders = ["sniffer", "cost-meter"];

const shop = join(__dirname, "../../examples/shop");

/** The namespaces that a real cluster has by then. */
const namespaces = ["default", "istio-system", "metallb-system", "egress", "outside", "second", "shop"].map(
  (name): KubernetesObject => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }),
);

/** The Deployment that istiod makes for a Gateway, before the lab patches it. */
const deploymentOf = ({ metadata: { name, namespace } }: KubernetesObject): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name, image: "proxy" }] } },
  },
});

/** Objects that the program declares in a profile. Patches are applied like all else: the server merges them. */
async function objectsOf(config: Record<string, unknown>): Promise<Map<string, KubernetesObject>> {
  return declaredObjects(await declare(config), (type) => !type.startsWith("kubernetes:helm.sh/"));
}

/** The declared objects whose Pulumi type is taken, by the names of their resources. */
function declaredObjects(
  { resources }: Awaited<ReturnType<typeof declare>>,
  take: (type: string) => boolean,
): Map<string, KubernetesObject> {
  const found = resources.filter(({ type, custom }) => custom && type.startsWith("kubernetes:") && take(type));
  return new Map(found.map(({ name, inputs }) => [name, inputs as unknown as KubernetesObject]));
}

describe.skipIf(skip)("a real kube-apiserver with the real CRDs", () => {
  let api: ApiServer;
  let declared: Map<string, KubernetesObject>;

  beforeAll(async () => {
    api = await startApiServer();
    for (const namespace of namespaces) await api.apply(namespace);
    const patched = (type: string) => type === "kubernetes:apps/v1:DeploymentPatch";
    for (const profile of profileNames) {
      const patches = declaredObjects(await declare(profiles[profile]), patched);
      for (const patch of patches.values()) await api.apply(deploymentOf(patch), { manager: "istiod" });
    }
    declared = await objectsOf(profiles.modules);
  });

  afterAll(() => api?.stop());

  test.each(profileNames)("admits every object of the profile %s as it is", async (profile) => {
    const objects = await objectsOf(profiles[profile]);
    expect(objects.size).toBeGreaterThan(15);
    for (const object of objects.values()) {
      expect(await api.apply(object, { dryRun: true }), object.metadata.name).toMatchObject(object);
    }
    for (const object of objects.values()) await api.apply(object);
    const own = [...objects].filter(([name]) => !/rollout|enrolment|namespace/.test(name));
    for (const [, object] of own) await api.delete(object);
  });

  test.each(policySets.map((set) => [set.id, set] as const))("admits the policy set %s", async (_, { objects }) => {
    for (const object of objects) await api.apply(object as KubernetesObject, { dryRun: true });
  });

  test.each(readdirSync(shop).filter((file) => file !== "questions.yaml"))("admits examples/shop/%s", async (file) => {
    const objects = parseAllDocuments(readFileSync(join(shop, file), "utf8")).map(
      (document): KubernetesObject => document.toJS(),
    );
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) await api.apply(object, { dryRun: true });
  });

  describe("where every namespace enforces the Pod Security Standard restricted", () => {
    const namespace = {
      ...{ apiVersion: "v1", kind: "Namespace" },
      metadata: { name: "confined", labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
    };
    /** The pod of a workload, in that namespace, under the account that every namespace has. */
    const podOf = (workload: KubernetesObject): KubernetesObject => {
      const { spec } = (workload.spec as { template: { spec: Record<string, unknown> } }).template;
      const pod = { ...spec, serviceAccountName: "default" };
      return {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: workload.metadata.name, namespace: "confined" },
        spec: pod,
      };
    };
    // The patches of rollouts are of the same kinds and have no pod.
    const workloads = () =>
      [...declared.values()].filter(({ spec }) => typeof spec === "object" && spec && "template" in spec);

    beforeAll(async () => {
      await api.apply(namespace);
      await api.apply({
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "default", namespace: "confined" },
      });
    });

    test("admits the pods of every application", async () => {
      const pods = workloads()
        .filter(({ metadata }) => !nodeReaders.includes(metadata.name))
        .map(podOf);
      expect(pods.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(["appa", "appb", "grpc"]));
      for (const pod of pods) await api.apply(pod, { dryRun: true });
    });

    test("refuses a pod without the lab's settings, and pods that read the network or the files of their node", async () => {
      const appa = podOf(declared.get("apps-appa") as KubernetesObject);
      const bare = changed(appa, "spec.securityContext", {});
      await expect(api.apply(bare, { dryRun: true })).rejects.toThrow(/violates PodSecurity.*runAsNonRoot/);
      const sniffer = podOf(declared.get("strict-mtls-sniffer") as KubernetesObject);
      await expect(api.apply(sniffer, { dryRun: true })).rejects.toThrow(/violates PodSecurity.*host namespaces/);
      const meter = podOf(declared.get("cost-meter") as KubernetesObject);
      await expect(api.apply(meter, { dryRun: true })).rejects.toThrow(/violates PodSecurity.*restricted volume types/);
    });
  });

  test.each<[string, string, string, unknown, RegExp]>([
    ["an HTTPRoute with one parentRef instead of a list", "ingress-appb", "spec.parentRefs", "gateway", /parentRefs/],
    ["an HTTPRoute with a scheme in its host", "ingress-appb", "spec.hostnames", ["http://a.in"], /hostnames/],
    [
      "an AuthorizationPolicy with an unknown action",
      "policies-appb-l7",
      "spec.action",
      "PERMIT",
      /spec\.action.*PERMIT/,
    ],
    ["an AuthorizationPolicy with a misspelt field", "policies-appb-l7", "spec.rulez", [], /rulez/],
    [
      "an AuthorizationPolicy with selector and targetRefs",
      "policies-appb-l7",
      "spec.selector",
      { matchLabels: { a: "b" } },
      /only one of/,
    ],
    [
      "a VirtualService with a delay without its unit",
      "policies-appb-fault",
      "spec.http.0.fault.delay.fixedDelay",
      "2",
      /duration/,
    ],
    [
      "a VirtualService with a share that is text",
      "policies-appb-fault",
      "spec.http.0.fault.delay.percentage.value",
      "50",
      /percentage/,
    ],
    [
      "an HTTPRoute with a weight below nothing",
      "traffic-split-appb-split",
      "spec.rules.2.backendRefs.1.weight",
      -1,
      /weight/,
    ],
    [
      "an HTTPRoute that mirrors to nobody",
      "traffic-split-appb-split",
      "spec.rules.1.filters.0.requestMirror",
      {},
      /backendRef/,
    ],
    [
      "a VirtualService with a timeout without its unit",
      "resilience-appb-resilience",
      "spec.http.1.timeout",
      "1",
      /timeout|duration/,
    ],
    [
      "an EnvoyFilter with an unknown place",
      "resilience-appb-limited",
      "spec.configPatches.0.applyTo",
      "HTTP_FILTERS",
      /applyTo/,
    ],
    [
      "a PeerAuthentication with an unknown mode",
      "strict-mtls-appf-strict",
      "spec.mtls.mode",
      "STRICTLY",
      /mode.*STRICTLY/,
    ],
    [
      "a DaemonSet with a misspelt field",
      "strict-mtls-sniffer",
      "spec.template.spec.hostNetworks",
      true,
      /hostNetworks/,
    ],
    [
      "a RequestAuthentication with a misspelt field",
      "gateway-jwt",
      "spec.jwtRules.0.issuers",
      ["https://issuer.opssec.in"],
      /issuers/,
    ],
    ["a RequestAuthentication without an issuer", "gateway-jwt", "spec.jwtRules.0.issuer", "", /issuer/],
    ["a claim with text instead of a list", "gateway-jwt-claim", "spec.rules.1.when.0.values", "lab", /values/],
    [
      "an HTTPRoute that redirects with 200",
      "gateway-tls-redirect",
      "spec.rules.0.filters.0.requestRedirect.statusCode",
      200,
      /statusCode/,
    ],
    ["a listener for HTTPS in an unknown mode", "ingress-gateway", "spec.listeners.1.tls.mode", "End", /mode/],
    ["a Gateway with a protocol of two words", "ingress-gateway", "spec.listeners.0.protocol", "HT TP", /protocol/],
    ["a Gateway with a port that no listener has", "ingress-gateway", "spec.listeners.0.port", 70_000, /port.*65535/],
    ["a Gateway without a listener", "waypoint-gateway", "spec.listeners", [], /listeners/],
    [
      "an IPAddressPool with text instead of a list",
      "metallb-pool",
      "spec.addresses",
      "172.30.0.1-172.30.0.9",
      /addresses/,
    ],
    ["an L2Advertisement with a misspelt field", "metallb-advertisement", "spec.addressPools", ["lab"], /addressPools/],
    [
      "a Deployment whose selector misses its pods",
      "apps-appb",
      "spec.selector.matchLabels",
      { app: "appc" },
      /selector.*does not match/,
    ],
    ["a Deployment with a misspelt field", "apps-appb", "spec.replica", 1, /replica/],
    ["a Service with a port that no socket has", "ingress-loopback", "spec.ports.0.port", 70_000, /port.*65535/],
    ["a Service with an unknown protocol", "apps-appb-service", "spec.ports.0.protocol", "HTTP", /protocol/],
  ])("refuses %s", async (_, name, path, value, reason) => {
    const good = declared.get(name);
    if (!good) throw new Error(`The program declares no "${name}"`);
    await expect(api.apply(good, { dryRun: true })).resolves.toBeDefined();
    await expect(api.apply(changed(good, path, value), { dryRun: true })).rejects.toThrow(reason);
  });
});

/** A copy of an object with another value at a dotted path. */
function changed(object: KubernetesObject, path: string, value: unknown): KubernetesObject {
  const copy = structuredClone(object);
  const steps = path.split(".");
  const last = steps.pop() ?? "";
  const holder = steps.reduce<unknown>((at, step) => Reflect.get(at as object, step), copy);
  Reflect.set(holder as object, last, value);
  return copy;
}
