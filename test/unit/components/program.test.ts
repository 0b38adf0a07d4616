import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../config/load";
import { versions } from "../../../config/versions";
import { nodeSysctls } from "../../../config/vocabulary";
import { artifactNames } from "../../../program/artifacts";
import { moduleResources } from "../../support/module-resources";
import { type Profile, profileNames, profiles } from "../../support/profiles";
import { type Declaration, declare } from "../../support/program";

interface Listening {
  listeners: { name: string; hostname: string }[];
}

const labs = new Map<Profile, Promise<Declaration>>();

/** The lab of a profile; declared once, by the first test that looks at it. */
function lab(profile: Profile): Promise<Declaration> {
  const found = labs.get(profile) ?? declare(profiles[profile]);
  labs.set(profile, found);
  return found;
}

const namesOf = ({ resources }: Declaration) => resources.filter(({ custom }) => custom).map(({ name }) => name);
const environment = (from: Declaration, name: string) => from.find(name).inputs.environment as Record<string, string>;

/** Resources that a profile adds to, and takes from, the default lab. */
async function difference(profile: Profile) {
  const before = namesOf(await lab("default"));
  const after = namesOf(await lab(profile));
  return {
    added: after.filter((name) => !before.includes(name)).sort(),
    gone: before.filter((name) => !after.includes(name)).sort(),
  };
}

/** Every value inside a value, itself included. */
function* inside(value: unknown): Iterable<unknown> {
  yield value;
  if (typeof value === "object" && value !== null) for (const each of Object.values(value)) yield* inside(each);
}

describe.each(profileNames)("the program in the profile %s", (profile) => {
  test("kind's lab is reached on 127.0.0.1: the way to Docker's network is not there on every system", async () => {
    const { outputs, find } = await lab(profile);
    if (profile.startsWith("existing")) return expect(outputs.url).toBe("http://192.0.2.1");
    expect(outputs.url).toBe("http://127.0.0.1:21000");
    expect(find("cluster-kind").inputs.stdin).toContain('"listenAddress": "127.0.0.1"');
  });

  // pulumi/pulumi v3.259.0 pkg/resource/deploy/step_generator.go providerChanged(): another provider in the place of the
  // default one may replace its resources, and with the network the cluster.
  test("Docker's resources have one provider, whatever the address of Docker is", async () => {
    const kind = !profile.startsWith("existing");
    for (const dockerHost of [undefined, "unix:///var/run/docker.sock", "unix:///home/me/.colima/docker.sock"]) {
      const { resources } = await declare(profiles[profile], { dockerHost });
      const ofDocker = resources.filter(({ type }) => type.startsWith("docker:"));
      expect(ofDocker.map(({ name, provider }) => [name, provider])).toEqual(
        kind ? [["cluster-network", "docker"]] : [],
      );
      const providers = resources.filter(({ type }) => type === "pulumi:providers:docker");
      // kreuzwerker/terraform-provider-docker 83c00e0b internal/provider/provider.go configure(): DOCKER_CONTEXT comes
      // before the host, is looked up in ~/.docker/contexts alone, and "default" is not there.
      const inputs = dockerHost ? { host: dockerHost, context: "" } : {};
      expect(providers.map((provider) => provider.inputs)).toEqual(kind ? [inputs] : []);
    }
  });

  test("every Kubernetes object and release has an explicit name", async () => {
    const found = (await lab(profile)).resources.filter(({ type }) => type.startsWith("kubernetes:"));
    for (const { name, inputs } of found) {
      const { name: kubernetesName } = (inputs.metadata ?? inputs) as { name?: string };
      expect(kubernetesName, name).toMatch(/^[a-z][a-z0-9-]*$/);
    }
    expect(found.length).toBeGreaterThan(20);
  });

  test("no input holds an empty map, which would be a diff for ever", async () => {
    for (const { name, inputs } of (await lab(profile)).resources.filter(({ custom }) => custom)) {
      for (const value of inside(inputs)) if (value instanceof Object) expect(value, name).not.toEqual({});
    }
  });

  test("only modules declare Secrets, and no credential is in inputs or outputs but as a secret of the state", async () => {
    const { resources, outputs } = await lab(profile);
    const secrets = resources.filter(({ type }) => /secret/i.test(type)).map(({ name }) => name);
    expect(secrets.sort()).toEqual(profile.startsWith("modules") ? ["gateway-jwt-issuer", "gateway-tls-secret"] : []);
    const text = JSON.stringify([resources.map(({ plain }) => plain), outputs]);
    expect(text).not.toMatch(
      /client-key-data|client-certificate-data|BEGIN [A-Z ]*PRIVATE KEY|password|bearer (?!\$\()/i,
    );
  });

  test("the outputs name URL, curl lines, kubeconfig, dashboards and versions", async () => {
    const { outputs } = await lab(profile);
    expect(outputs).toMatchObject({
      url: expect.stringMatching(/^http:\/\/\d+\.\d+\.\d+\.\d+(:\d+)?$/),
      kubeconfig: expect.stringMatching(/^\/.*kubeconfig$/),
      versions: { istio: versions.istio },
    });
    const [first, ...others] = outputs.curl as string[];
    expect(first).toContain(`Host: appb.opssec.in' ${outputs.url}/get   # `);
    expect(others.at(-1)).toContain("# 404");
  });
});

// kind v0.32.0 pkg/cluster/internal/providers/docker/network.go getDefaultNetworkMTU(): its own network gets it as well.
test("the lab's network has the MTU of Docker's default network, and keeps what it was made with", async () => {
  const network = (await declare({}, { mtu: 1400 })).find("cluster-network");
  expect(network.inputs.options).toEqual({ "com.docker.network.driver.mtu": "1400" });
  expect(network.request.getIgnorechangesList()).toContain("options");
  expect((await lab("default")).find("cluster-network").inputs).not.toHaveProperty("options");
});

describe("what a setting adds and takes away", () => {
  test("an existing cluster leaves out all that is kind's", async () => {
    expect(await difference("existing")).toEqual({
      added: [],
      gone: [
        ...["app-build", "app-load", "cluster-kind", "cluster-network", "cluster-network-removal"],
        ...["cluster-node-image", "cluster-sysctls", "docker"],
        ...["images-load-addons", "images-load-mesh", "images-load-metallb", "images-load-proxies"],
        ...["images-pull-addons", "images-pull-mesh", "images-pull-metallb", "images-pull-proxies"],
        ...["ingress-loopback", "metallb", "metallb-advertisement", "metallb-pool"],
      ],
    });
    expect((await lab("existing")).find("kubernetes").inputs).toMatchObject({
      kubeconfig: "/kubeconfig",
      context: "lab",
    });
    expect((await lab("existing")).outputs.url).toBe("http://192.0.2.1");
    for (const { deletedWith } of (await lab("existing")).resources) expect(deletedWith).toBeUndefined();
  });

  test("an existing cluster without a load balancer gets MetalLB with its own addresses", async () => {
    const { find, outputs } = await lab("existing without a load balancer");
    expect(find("metallb-pool").inputs.spec).toEqual({ addresses: ["10.0.0.200-10.0.0.210"] });
    expect(outputs.versions).toHaveProperty("metallb");
    expect((await lab("existing")).outputs.versions).not.toHaveProperty("metallb");
    for (const chart of ["istio-base", "istio-istiod", "istio-cni", "istio-ztunnel"]) {
      expect(find(chart).inputs.values, chart).toMatchObject({ global: { platform: "k3s" } });
    }
  });

  test("the gateway's Service gets the annotations of the cluster's load balancer", async () => {
    const { spec } = (await lab("existing without a load balancer")).find("ingress-gateway").inputs;
    expect(spec).toMatchObject({
      infrastructure: { annotations: { "example.org/scheme": "internal", "example.org/tags": "a=b" } },
    });
  });

  test("a Gateway API that somebody else installed is left as it is, and proven in its own version", async () => {
    const { resources, outputs } = await declare(profiles.existing, { gatewayApi: { version: "v1.3.0" } });
    expect(resources.filter(({ type }) => type.endsWith(":Release")).map(({ name }) => name)).not.toContain(
      "gateway-api",
    );
    expect(outputs.versions).toMatchObject({ gatewayApi: "v1.3.0" });
    const config = parseConfig(profiles.existing);
    expect(artifactNames(config, { httpPort: 1, gatewayApi: { version: "v1.3.0" } })).not.toContain("gateway-api");
    expect(artifactNames(config, { httpPort: 1 })).toContain("gateway-api");
  });

  test.each<[Profile, string[]]>([
    [
      "nodes pull",
      ["addons", "mesh", "metallb", "proxies"]
        .flatMap((group) => [`images-load-${group}`, `images-pull-${group}`])
        .sort(),
    ],
    [
      "no addons",
      [
        "addons-grafana",
        "addons-jaeger",
        "addons-kiali",
        "addons-prometheus",
        "images-load-addons",
        "images-pull-addons",
      ],
    ],
    ["ready app image", ["app-build"]],
    ["open bypass", ["policies-appb-waypoint-only"]],
    ["no fault", ["policies-appb-fault"]],
    ["nobody allowed", []],
    ["roomy", []],
    ["mirrored", []],
    ["private ca", []],
  ])("%s takes away %j and adds nothing", async (profile, gone) => {
    expect(await difference(profile)).toEqual({ added: [], gone });
  });

  test("caches of registries come before all that pulls, and leave the network before it goes", async () => {
    expect(await difference("cached")).toEqual({ added: ["cluster-caches", "image-cache-start"], gone: [] });
    const cached = await lab("cached");
    const caches =
      "docker.io=https://registry-1.docker.io\nghcr.io=https://ghcr.io\nregistry.k8s.io=https://registry.k8s.io";
    for (const name of ["image-cache-start", "cluster-caches", "cluster-kind", "images-pull-mesh", "app-load"])
      expect(environment(cached, name).CACHES, name).toBe(caches);
    for (const name of ["images-pull-mesh", "cluster-kind"])
      expect([...cached.waitsFor(name)], name).toContain("image-cache-start");
    expect(cached.find("cluster-kind").inputs.stdin).toContain("/etc/containerd/certs.d");
    expect([...cached.waitsFor("cluster-caches")]).toContain("cluster-network");
    expect(cached.find("cluster-caches")).not.toHaveProperty("deletedWith");
    expect(cached.find("image-cache-start").inputs).not.toHaveProperty("delete");
  });

  test("a private CA reaches the nodes, and another one makes them anew", async () => {
    const { inputs } = (await lab("private ca")).find("cluster-kind");
    expect(inputs.environment).toMatchObject({ CA_FILE: "/etc/company-ca.pem" });
    expect(inputs.stdin).toContain("/etc/containerd/certs.d");
    const renewed = await declare(profiles["private ca"], { caDigest: "1" });
    expect(renewed.find("cluster-kind").inputs.triggers).not.toEqual(inputs.triggers);
  });

  test("modules add what is theirs and change nothing of the story", async () => {
    const { added, gone } = await difference("modules");
    expect({ added, gone }).toEqual({
      gone: [],
      added: moduleResources,
    });
    const plain = await lab("default");
    const withModules = await lab("modules");
    for (const { name, custom, inputs } of withModules.resources)
      if (custom && !["ingress-gateway", "istio-istiod", "istio-ztunnel"].includes(name) && !added.includes(name))
        expect(inputs, name).toEqual(plain.find(name).inputs);
    // Three exceptions. istiod supports agentgateway, and no proxy writes debug lines, which the module cost would measure.
    interface Release {
      values: { global: { proxy: object } };
    }
    const [istiod, istiodWith] = [plain, withModules].map(
      ({ find }) => find("istio-istiod").inputs as unknown as Release,
    );
    const { values } = istiod as Release;
    const env = { PILOT_ENABLE_AGENTGATEWAY: "true" };
    const global = { ...values.global, proxy: { ...values.global.proxy, logLevel: "info" } };
    expect(istiodWith).toEqual({ ...istiod, values: { ...values, env, global } });
    const [ztunnel, ztunnelWith] = [plain, withModules].map(
      ({ find }) => find("istio-ztunnel").inputs as unknown as Release,
    );
    expect(ztunnelWith).toEqual({ ...ztunnel, values: { ...ztunnel?.values, logLevel: "info" } });
    // The Gateway has a listener more.
    const [before, after] = [plain, withModules].map(
      ({ find }) => find("ingress-gateway").inputs as { spec: Listening },
    );
    const [http, https, ...others] = after?.spec.listeners ?? [];
    expect({ ...after, spec: { ...after?.spec, listeners: [http] } }).toEqual(before);
    expect([https?.name, https?.hostname, others]).toEqual(["https", "secure.opssec.in", []]);
    expect([...withModules.waitsFor("ingress-gateway")]).toContain("gateway-tls-secret");
  });

  test("proxies give up a connection before the application does, which is after five seconds", async () => {
    const { spec } = (await lab("default")).find("istio-connections").inputs as { spec: object };
    expect(spec).toEqual({ host: "*", trafficPolicy: { connectionPool: { http: { idleTimeout: "3s" } } } });
  });

  test("a ready app image is what the pods run", async () => {
    const { spec } = (await lab("ready app image")).find("apps-appb").inputs as { spec: { template: unknown } };
    expect(spec.template).toMatchObject({
      metadata: { annotations: { "ambient-lab/image-id": "registry.test/httpbin:1" } },
      spec: { containers: [{ image: "registry.test/httpbin:1" }] },
    });
  });

  test("nobody allowed is a policy without a rule", async () => {
    expect((await lab("nobody allowed")).find("policies-appb-l7").inputs.spec).not.toHaveProperty("rules");
  });

  test("a subnet is the network's own, and mirrors reach nodes and host", async () => {
    const mirrored = await lab("mirrored");
    expect(mirrored.find("cluster-network").inputs.ipamConfigs).toEqual([{ subnet: "172.30.0.0/24" }]);
    expect(mirrored.find("cluster-kind").inputs.stdin).toContain("/etc/containerd/certs.d");
    expect(environment(mirrored, "cluster-kind").MIRRORS).toBe("docker.io=https://mirror.test");
    expect(environment(mirrored, "images-pull-mesh").MIRRORS).toBe("docker.io=https://mirror.test");
  });
});

describe("the kind cluster", () => {
  const kind = async () => (await lab("default")).find("cluster-kind").inputs;

  test("the stack's name is in cluster, network and context", async () => {
    expect((await lab("default")).find("cluster-network").inputs.name).toBe("ambient-lab-unit");
    expect(environment(await lab("default"), "cluster-kind")).toMatchObject({
      CLUSTER: "ambient-lab-unit",
      KIND_EXPERIMENTAL_DOCKER_NETWORK: "ambient-lab-unit",
    });
    expect((await lab("default")).outputs.context).toBe("kind-ambient-lab-unit");
  });

  test("the MetalLB pool lies in the network's IPv4 subnet, also when Docker lists IPv6 first", async () => {
    const { spec } = (await lab("default")).find("metallb-pool").inputs;
    expect(spec).toEqual({ addresses: ["172.30.255.200-172.30.255.250"] });
  });

  test("no command logs what it prints, and each runs in plain sh", async () => {
    expect((await kind()).logging).toBe("none");
    const commands = (await lab("default")).resources.filter(({ type }) => type === "command:local:Command");
    expect(commands.length).toBeGreaterThan(5);
    for (const { name, inputs } of commands) {
      expect(inputs, name).toMatchObject({ interpreter: ["/bin/sh", "-c"], addPreviousOutputInEnv: false });
    }
  });

  test("the kernel limits are those of the story", async () => {
    expect(nodeSysctls).toEqual({ "fs.inotify.max_user_instances": 1024, "fs.inotify.max_user_watches": 1_048_576 });
    expect(environment(await lab("default"), "cluster-sysctls").SYSCTLS?.split("\n")).toEqual([
      "fs.inotify.max_user_instances=1024",
      "fs.inotify.max_user_watches=1048576",
    ]);
  });

  test.each([
    ["httpPort", {}, { httpPort: 22_000 }],
    ["httpsPort", {}, { httpsPort: 12_000 }],
    ["workers", { workers: 3 }, {}],
    ["nodeImage", { nodeImage: "kindest/node:v1" }, {}],
    ["list of imageMirrors", { imageMirrors: ["docker.io=https://mirror.test"] }, {}],
  ])("another %s makes it anew", async (_, config, facts) => {
    const other = await declare(config, facts);
    expect(other.find("cluster-kind").inputs.triggers).not.toEqual((await kind()).triggers);
  });

  test.each([
    ["allowedCallers", { allowedCallers: ["gateway"] }, ["policies-appb-l7"]],
    ["faultPercent", { faultPercent: 10 }, ["policies-appb-fault"]],
    ["logLevel", { logLevel: "info" }, ["istio-cni", "istio-istiod", "istio-ztunnel"]],
    [
      "istioVersion",
      { istioVersion: "1.31.2" },
      [
        ...["images-load-mesh", "images-load-proxies", "images-pull-mesh", "images-pull-proxies"],
        ...["ingress-rollout", "waypoint-rollout"],
      ],
    ],
  ])("another %s changes just what it should", async (_, config, expected) => {
    const other = await declare(config);
    const { find } = await lab("default");
    const changed = other.resources.filter(
      ({ name, custom, inputs }) => custom && JSON.stringify(inputs) !== JSON.stringify(find(name).inputs),
    );
    expect(changed.map(({ name }) => name).sort()).toEqual(expected);
  });
});
