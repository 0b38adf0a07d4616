import { describe, expect, test } from "vitest";
import { outsideThePool } from "../../../policies/addresses";
import { bypassableServices, layer7OnSelector, unenforcedPolicies } from "../../../policies/authorization";
import { isPinned, unpinnedImages } from "../../../policies/images";
import type { Manifest } from "../../../policies/manifest";
import { unconfinedPods } from "../../../policies/pods";

const service: Manifest = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "appb", namespace: "default", labels: { "istio.io/use-waypoint": "waypoint" } },
  spec: { selector: { app: "appb" } },
};
const policy = (spec: unknown, namespace = "default"): Manifest => ({
  apiVersion: "security.istio.io/v1",
  kind: "AuthorizationPolicy",
  metadata: { name: "p", namespace },
  spec,
});
const selector = { matchLabels: { app: "appb" } };
const from = (...principals: string[]) => [{ source: { principals } }];
const waypoint = "cluster.local/ns/default/sa/waypoint";

describe("bypassableServices()", () => {
  test("is content with a policy that lets in the waypoint alone", () => {
    expect(
      bypassableServices([service, policy({ selector, action: "ALLOW", rules: [{ from: from(waypoint) }] })]),
    ).toEqual([]);
    expect(bypassableServices([{ ...service, metadata: { name: "appa" } }])).toEqual([]);
    const none = { ...service, metadata: { name: "appa", labels: { "istio.io/use-waypoint": "none" } } };
    expect(bypassableServices([none])).toEqual([]);
  });

  test("is content with pods that two Services send through two waypoints", () => {
    const labels = { "istio.io/use-waypoint": "second", "istio.io/use-waypoint-namespace": "other" };
    const second = { ...service, metadata: { name: "appb-second", namespace: "default", labels } };
    const guards = [waypoint, "cluster.local/ns/other/sa/second"].map((account) =>
      policy({ selector, rules: [{ from: from(account) }] }),
    );
    expect(bypassableServices([service, second, ...guards])).toEqual([]);
    expect(bypassableServices([service, ...guards])).toHaveLength(1);
  });

  test.each([
    ["on the same pods", policy({ selector, rules: [{ from: from("cluster.local/ns/default/sa/stranger") }] })],
    ["in the namespace", policy({ rules: [{}] })],
    ["in the whole mesh", policy({ rules: [{}] }, "istio-system")],
  ])("objects to a second policy %s that opens what the first closes", (_where, wider) => {
    const guard = policy({ selector, action: "ALLOW", rules: [{ from: from(waypoint) }] });
    expect(bypassableServices([service, guard, wider])).toHaveLength(1);
  });

  test.each([
    ["no policy", undefined],
    ["a policy that lets in another one, too", policy({ selector, rules: [{ from: from(waypoint, "x/sa/appa") }] })],
    ["a namesake in another namespace", policy({ selector, rules: [{ from: from("x/ns/other/sa/waypoint") }] })],
    ["a rule that lets in everybody", policy({ selector, rules: [{ from: from(waypoint) }, {}] })],
    ["a source without principals", policy({ selector, rules: [{ from: [{ source: { namespaces: ["default"] } }] }] })],
    [
      "a policy on other pods",
      policy({ selector: { matchLabels: { app: "appa" } }, rules: [{ from: from(waypoint) }] }),
    ],
    ["a policy of another namespace", policy({ selector, rules: [{ from: from(waypoint) }] }, "other")],
    ["a policy that denies", policy({ selector, action: "DENY", rules: [{ from: from(waypoint) }] })],
    [
      "a policy of the waypoint itself",
      policy({ targetRefs: [{ kind: "Service" }], rules: [{ from: from(waypoint) }] }),
    ],
  ])("objects to %s", (_name, guard) => {
    expect(bypassableServices([service, ...(guard ? [guard] : [])])).toEqual([expect.stringContaining("Service/appb")]);
  });
});

test("an object that goes against a guard-rail on purpose is let through by that guard-rail alone", () => {
  const marked = (object: Manifest, rail: string): Manifest => ({
    ...object,
    metadata: { ...object.metadata, annotations: { "ambient-lab/on-purpose": rail } },
  });
  const misplaced = policy({ selector, rules: [{ to: [{ operation: { methods: ["GET"] } }] }] });
  expect(bypassableServices([marked(service, "waypoint-only")])).toEqual([]);
  expect(bypassableServices([marked(service, "layer-7-by-target")])).toHaveLength(1);
  expect(layer7OnSelector(marked(misplaced, "layer-7-by-target"))).toEqual([]);
  expect(layer7OnSelector(marked(misplaced, "waypoint-only"))).toHaveLength(1);
});

describe("layer7OnSelector()", () => {
  const get = [{ to: [{ operation: { methods: ["GET"] } }] }];

  test("lets fields of layer 7 stand at a waypoint, and fields of layer 4 on pods", () => {
    expect(layer7OnSelector(policy({ targetRefs: [{ kind: "Service", name: "appb" }], rules: get }))).toEqual([]);
    expect(
      layer7OnSelector(policy({ selector, rules: [{ from: from(waypoint), to: [{ operation: { ports: ["80"] } }] }] })),
    ).toEqual([]);
  });

  test.each([
    ["methods", get],
    ["paths", [{ to: [{ operation: { paths: ["/x"] } }] }]],
    ["requestPrincipals", [{ from: [{ source: { requestPrincipals: ["*"] } }] }]],
    ["request.headers[x]", [{ when: [{ key: "request.headers[x]", values: ["y"] }] }]],
  ])("objects to %s on pods, and in a whole namespace", (field, rules) => {
    expect(layer7OnSelector(policy({ selector, rules }))).toEqual([expect.stringContaining(field)]);
    expect(layer7OnSelector(policy({ rules }))).toHaveLength(1);
  });
});

describe("unenforcedPolicies()", () => {
  const gateway = (gatewayClassName: string, namespace = "default"): Manifest => ({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "waypoint", namespace },
    spec: { gatewayClassName },
  });
  const deaf = "istio-agentgateway-waypoint";
  const ofService = policy({ targetRefs: [{ group: "", kind: "Service", name: "appb" }] });
  const ofGateway = policy({ targetRefs: [{ kind: "Gateway", name: "waypoint" }] });
  const shared: Manifest = {
    ...service,
    metadata: {
      ...{ name: "appb", namespace: "default" },
      labels: { "istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "other" },
    },
  };

  test("is content with an Envoy, with policies of others, and with policies on pods", () => {
    expect(unenforcedPolicies([gateway("istio-waypoint"), service, ofService, ofGateway])).toEqual([]);
    const another = policy({ targetRefs: [{ group: "", kind: "Service", name: "appa" }] });
    expect(unenforcedPolicies([gateway(deaf), service, another, policy({ selector })])).toEqual([]);
    expect(unenforcedPolicies([gateway(deaf, "other"), service, ofService, ofGateway])).toEqual([]);
  });

  test.each<[string, Manifest[]]>([
    ["a policy of a Service whose waypoint is an agentgateway", [gateway(deaf), service, ofService]],
    ["a policy of the agentgateway itself", [gateway(deaf), ofGateway]],
    ["a policy of a gateway that is one", [gateway("istio-agentgateway"), ofGateway]],
    ["a policy of a Service that another namespace's agentgateway serves", [gateway(deaf, "other"), shared, ofService]],
  ])("objects to %s", (_name, objects) => {
    expect(unenforcedPolicies(objects)).toEqual([expect.stringContaining("no proxy enforces it")]);
  });

  test("lets one through that is there to show it", () => {
    const shown = {
      ...ofService,
      metadata: { name: "p", annotations: { "ambient-lab/on-purpose": "enforced-at-waypoint" } },
    };
    expect(unenforcedPolicies([gateway(deaf), service, shown])).toEqual([]);
  });
});

describe("outsideThePool()", () => {
  const pool: Manifest = {
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name: "lab" },
    spec: { addresses: ["172.30.0.200-172.30.0.250", "10.9.0.0/30"] },
  };
  const gateway = (spec: object, annotations = {}): Manifest => ({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "g", annotations },
    spec: { gatewayClassName: "istio", ...spec },
  });
  const balancer = (spec: object): Manifest => ({ ...service, spec: { type: "LoadBalancer", ...spec } });

  test("lets pass what asks for nothing, or for the pool's own", () => {
    const good = [
      gateway({}),
      gateway({ addresses: [{ type: "IPAddress", value: "172.30.0.200" }] }),
      gateway({}, { "metallb.io/loadBalancerIPs": "10.9.0.3" }),
      gateway({}, { "metallb.io/address-pool": "lab" }),
      balancer({ loadBalancerIP: "172.30.0.250" }),
    ];
    expect(outsideThePool([pool, ...good])).toEqual([]);
    expect(outsideThePool([gateway({}), service])).toEqual([]);
  });

  test.each([
    ["an address below", balancer({ loadBalancerIP: "172.30.0.199" })],
    ["an address beyond", gateway({ addresses: [{ value: "172.30.1.1" }] })],
    ["an address that is none", gateway({ addresses: [{ value: "example.org" }] })],
    ["one of several", gateway({}, { "metallb.io/loadBalancerIPs": "10.9.0.3, 10.9.0.4" })],
    ["another pool", gateway({}, { "metallb.universe.tf/address-pool": "office" })],
    ["an address of the other family", balancer({ loadBalancerIP: "fd00::1" })],
  ])("objects to %s", (_name, object) => {
    expect(outsideThePool([pool, object])).toHaveLength(1);
  });

  test("objects to a load balancer without any pool", () => {
    expect(outsideThePool([balancer({})])).toEqual([expect.stringContaining("no IPAddressPool")]);
  });
});

describe("unpinnedImages()", () => {
  const digest = `@sha256:${"a".repeat(64)}`;

  test.each([
    ["istio/proxyv2:1.31.1", true],
    [`istio/proxyv2${digest}`, true],
    [`registry:5000/a/b:latest${digest}`, true],
    ["istio/proxyv2:latest", false],
    ["istio/proxyv2", false],
    ["registry:5000/istio/proxyv2", false],
    ["istio/proxyv2@sha256:short", false],
  ])("%s is pinned: %s", (image, pinned) => {
    expect(isPinned(image)).toBe(pinned);
  });

  test("looks into pods, templates and init containers", () => {
    const containers = [{ name: "a", image: "x" }];
    expect(unpinnedImages({ kind: "Pod", metadata: { name: "p" }, spec: { containers } })).toHaveLength(1);
    const spec = { template: { spec: { containers: [{ image: "x:1" }], initContainers: containers } } };
    expect(unpinnedImages({ kind: "Deployment", metadata: { name: "d" }, spec })).toEqual([
      'Deployment/d runs image "x": name a tag other than latest, or a digest',
    ]);
    expect(unpinnedImages({ kind: "ConfigMap" })).toEqual([]);
  });
});

describe("unconfinedPods()", () => {
  const daemon = (spec: object): Manifest => ({
    ...{ apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "sniffer" } },
    spec: { template: { spec } },
  });
  const container = (fields: object) => ({ containers: [{ name: "c", ...fields }] });

  test("is content with a pod that keeps to itself", () => {
    const quiet = container({ securityContext: { capabilities: { drop: ["ALL"], add: ["SETUID"] } }, ports: [{}] });
    expect(unconfinedPods(daemon({ ...quiet, hostNetwork: false, volumes: [{ emptyDir: {} }] }))).toEqual([]);
  });

  test.each([
    ["the node's network", { hostNetwork: true }, "hostNetwork"],
    ["the node's processes", { hostPID: true }, "hostPID"],
    ["the node's files", { volumes: [{ hostPath: { path: "/" } }] }, "hostPath"],
    ["a port of the node", container({ ports: [{ hostPort: 80 }] }), "hostPort"],
    ["all rights", container({ securityContext: { privileged: true } }), "privileged"],
    ["raw packets", container({ securityContext: { capabilities: { add: ["NET_RAW"] } } }), "NET_RAW"],
  ])("objects to %s, unless it is marked", (_name, spec, word) => {
    const object = daemon(spec);
    expect(unconfinedPods(object)).toEqual([expect.stringContaining(`DaemonSet/sniffer asks for ${word}`)]);
    const marked = { name: "sniffer", annotations: { "ambient-lab/on-purpose": "pods-are-confined" } };
    expect(unconfinedPods({ ...object, metadata: marked })).toEqual([]);
    expect(unconfinedPods({ ...object, kind: "Pod", spec })).toHaveLength(1);
  });
});
