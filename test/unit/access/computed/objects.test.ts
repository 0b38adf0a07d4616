import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { meshConfigOf, unusualSetting } from "../../../../access/computed/objects/mesh-config";
import { byAge, refersTo, textOf, unreadReason } from "../../../../access/computed/objects/mesh-objects";
import {
  addressesOf,
  hasAddress,
  hasOwnProxy,
  httpPortsOf,
  isHttpPort,
  isInMesh,
  isReady,
  podsOf,
  portOf,
  portsOf,
  senderOf,
  targetPortsOf,
} from "../../../../access/computed/objects/pods";
import {
  controllerOf,
  identitiesOf,
  ingressUsesWaypoint,
  isIstioWaypoint,
  namespaceAllowed,
  waypointOf,
} from "../../../../access/computed/objects/waypoints";
import type { KubeObject } from "../../../../verify/lab-client";
import { meshConfig, meshOf } from "./living";

const object = (kind: string, text: string): KubeObject => {
  const { metadata, ...rest } = parse(text) as KubeObject;
  return { kind, ...rest, metadata: { name: "x", namespace: "default", ...metadata } };
};
const pod = (text: string) => object("Pod", text);
const service = (text: string) => object("Service", text);
const ready = 'conditions: [{ type: Ready, status: "True" }]';

describe("pods", () => {
  it("are ready by their condition, unless they have ended or are being deleted", () => {
    expect(isReady(pod(`{ status: { phase: Running, ${ready} } }`))).toBe(true);
    for (const text of [
      '{ status: { conditions: [{ type: Ready, status: "False" }] } }',
      '{ status: { conditions: [{ type: Initialized, status: "True" }] } }',
      '{ status: { conditions: [{ type: Initialized, status: "True" }, { type: Ready, status: "False" }] } }',
      `{ status: { phase: Failed, ${ready} } }`,
      `{ status: { phase: Succeeded, ${ready} } }`,
      `{ metadata: { deletionTimestamp: "2026-01-01" }, status: { ${ready} } }`,
    ])
      expect(isReady(pod(text))).toBe(false);
  });

  it("have the addresses of their status, while they run", () => {
    expect(addressesOf(pod('{ status: { podIP: "1", podIPs: [{ ip: "1" }, { ip: "2" }] } }'))).toEqual(["1", "2"]);
    expect(addressesOf(pod('{ status: { podIP: "1" } }'))).toEqual(["1"]);
    expect(addressesOf(pod("{}"))).toEqual([]);
    expect(hasAddress(pod('{ status: { podIP: "1" } }'))).toBe(true);
    expect([pod("{}"), pod('{ status: { phase: Failed, podIP: "1" } }')].map(hasAddress)).toEqual([false, false]);
  });

  it("are in the mesh by the annotation of istio-cni, and may have a proxy of their own", () => {
    const annotated = (text: string) => pod(`{ metadata: { annotations: { ${text} } } }`);
    expect(isInMesh(annotated("ambient.istio.io/redirection: enabled"))).toBe(true);
    expect([annotated("ambient.istio.io/redirection: disabled"), pod("{}")].map(isInMesh)).toEqual([false, false]);
    const containers = "[{ name: app }, { name: istio-proxy }]";
    for (const own of [
      annotated("sidecar.istio.io/status: '{}'"),
      pod("{ metadata: { labels: { networking.istio.io/tunnel: http } } }"),
      pod(`{ spec: { containers: ${containers} } }`),
      pod(`{ spec: { initContainers: ${containers} } }`),
    ])
      expect(hasOwnProxy(own)).toBe(true);
    for (const none of [
      pod("{ spec: { containers: [{ name: app }] } }"),
      pod("{ metadata: { labels: { networking.istio.io/tunnel: none } } }"),
      pod(
        `{ metadata: { labels: { gateway.networking.k8s.io/gateway-name: g } }, spec: { containers: ${containers} } }`,
      ),
    ])
      expect(hasOwnProxy(none)).toBe(false);
  });

  it("are senders with their ServiceAccount and labels", () => {
    expect(senderOf(pod("{ metadata: { labels: { app: a } }, spec: { serviceAccountName: s } }"))).toEqual({
      ...{ kind: "workload", namespace: "default", serviceAccount: "s", labels: { app: "a" }, inMesh: false },
    });
    expect(senderOf(pod("{}"))).toMatchObject({ serviceAccount: "default", labels: {} });
  });

  it("are behind a Service of their namespace that selects them, while they run", () => {
    const own = pod("{ metadata: { labels: { app: a, v: '1' } } }");
    const others = [
      pod("{ metadata: { labels: { app: b } } }"),
      pod("{ metadata: { namespace: other, labels: { app: a } } }"),
      pod("{ metadata: { labels: { app: a } }, status: { phase: Failed } }"),
    ];
    const behind = (text: string) => podsOf(meshOf([own, ...others]), service(text));
    expect(behind("{ spec: { selector: { app: a } } }")).toEqual([own]);
    expect(behind("{ spec: { selector: {} } }")).toEqual([]);
    expect(behind("{ spec: {} }")).toEqual([]);
  });
});

describe("ports of a Service", () => {
  it("are those for TCP, and lead to a number or a name of the pod", () => {
    const own = service(
      "{ spec: { ports: [{ port: 1, targetPort: 11 }, { port: 2, protocol: TCP, targetPort: web }, { port: 3, protocol: UDP }, { port: 4, targetPort: none }, { port: 5 }] } }",
    );
    expect(portsOf(own)).toEqual([1, 2, 4, 5]);
    expect(portOf(own, 2)).toMatchObject({ targetPort: "web" });
    expect([portOf(own, 3), portOf(own, 9)]).toEqual([undefined, undefined]);
    const containers = pod(
      "{ spec: { containers: [{}, { ports: [{ name: x, containerPort: 21 }, { name: web, containerPort: 22 }] }] } }",
    );
    expect(targetPortsOf(own, containers)).toEqual([11, 22, 5]);
  });

  // istio 1.31: pkg/config/kube/conversion.go (ConvertProtocol), pkg/config/protocol/instance.go (Parse)
  it("are for HTTP by appProtocol, by the part of the name before a dash, or by detection", () => {
    const is = (entry: string) => isHttpPort(parse(entry));
    for (const http of ["http", "HTTP-web", "http2", "grpc-x", "http_proxy", "other", "web-tcp"])
      expect(is(`{ name: ${http}, port: 80 }`)).toBe(true);
    for (const opaque of ["tcp", "TCP-x", "tls", "https", "mongo", "redis", "mysql", "udp"])
      expect(is(`{ name: ${opaque}, port: 80 }`)).toBe(false);
    expect(is("{ appProtocol: tcp, name: http, port: 80 }")).toBe(false);
    for (const http of ["kubernetes.io/h2c", "kubernetes.io/ws"])
      expect(is(`{ appProtocol: ${http}, port: 3306 }`)).toBe(true);
    expect(is("{ appProtocol: kubernetes.io/wss, port: 80 }")).toBe(false);
    for (const port of [25, 53, 3306, 27_017]) {
      expect(is(`{ port: ${port} }`)).toBe(false);
      expect(is(`{ name: http, port: ${port} }`)).toBe(true);
    }
    const ports = (list: string) => httpPortsOf(service(`{ spec: { ports: [${list}] } }`));
    expect(ports("{ name: http, port: 1 }, { name: x, port: 2 }, { name: tcp, port: 3 }")).toEqual([1]);
    expect(ports("{ name: x, port: 2 }, { name: tcp, port: 3 }, { port: 4 }")).toEqual([2, 4]);
  });
});

// istio 1.31: pilot/pkg/serviceregistry/ambient/waypoints.go
describe("waypointOf()", () => {
  const use = "istio.io/use-waypoint";
  const gateway = (metadata: string, rest = "status: { addresses: [{ value: x }] }") =>
    object("Gateway", `{ metadata: { name: w, ${metadata} }, ${rest} }`);
  const bound = gateway("");
  const of = (
    labels: string,
    {
      traffic = "service" as "service" | "workload",
      namespace = "",
      objects = [bound] as readonly KubeObject[],
      annotations = "",
    } = {},
  ) => {
    const own = object(
      traffic === "service" ? "Service" : "Pod",
      `{ metadata: { labels: { ${labels} }, annotations: { ${annotations} } } }`,
    );
    const around = object("Namespace", `{ metadata: { name: default, labels: { ${namespace} } } }`);
    return waypointOf(meshOf([own, around, ...objects]), own, traffic);
  };
  const is = { kind: "bound", waypoint: bound };
  const none = { kind: "none" };
  const refused = (reason: string) => ({ kind: "refused", reason: `waypoint default/w ${reason}` });

  it("is the one that a label of the object names, else one of its namespace", () => {
    expect(of(`${use}: w`)).toEqual(is);
    expect(of("", { namespace: `${use}: w` })).toEqual(is);
    expect(of("")).toEqual(none);
    expect(of(`${use}: none`, { namespace: `${use}: w` })).toEqual(none);
    expect(of("", { namespace: `${use}: none` })).toEqual(none);
    expect(of(`${use}: other`, { namespace: `${use}: w` })).toEqual({
      ...{ kind: "refused", reason: "waypoint default/other does not exist" },
    });
  });

  it("is of the namespace that a label beside it names, which it has to admit", () => {
    const far = (from: string) =>
      gateway(
        "namespace: far",
        `spec: { listeners: [{ protocol: HBONE, port: 15008, allowedRoutes: { namespaces: { from: ${from} } } }] }, status: { addresses: [{ value: x }] }`,
      );
    const labels = `${use}: w, ${use}-namespace: far`;
    const all = far("All");
    expect(of(labels, { objects: [all] })).toEqual({ kind: "bound", waypoint: all });
    expect(of("", { namespace: labels, objects: [all] })).toEqual({ kind: "bound", waypoint: all });
    expect(of(labels, { objects: [far("Same")] })).toEqual({
      ...{ kind: "refused", reason: "waypoint far/w admits no routes from namespace default" },
    });
    const other = gateway(
      "namespace: far",
      "spec: { listeners: [{ protocol: HBONE, port: 1, allowedRoutes: { namespaces: { from: All } } }, { protocol: HTTP, port: 15008, allowedRoutes: { namespaces: { from: All } } }] }, status: { addresses: [{ value: x }] }",
    );
    expect(of(labels, { objects: [other] })).toMatchObject({ kind: "refused" });
  });

  it("needs an address", () => {
    expect(of(`${use}: w`, { objects: [gateway("", "status: {}")] })).toEqual(refused("has no address yet"));
  });

  it("is for Services, for pods, or for both, as its label or that of its class says", () => {
    const to = (labels: string, more: KubeObject[] = []) => ({ objects: [gateway(`labels: { ${labels} }`), ...more] });
    const workload = { traffic: "workload" } as const;
    expect(of(`${use}: w`, workload)).toEqual(refused("is for traffic to service, not to workload"));
    expect(of("", { ...workload, namespace: `${use}: w` })).toEqual(none);
    const forAll = to("istio.io/waypoint-for: all");
    const forPods = to("istio.io/waypoint-for: workload");
    expect(of(`${use}: w`, { ...workload, ...forAll })).toMatchObject({ kind: "bound" });
    expect(of("", { ...workload, ...forPods, namespace: `${use}: w` })).toMatchObject({ kind: "bound" });
    expect(of(`${use}: w`, forAll)).toMatchObject({ kind: "bound" });
    expect(of(`${use}: w`, forPods)).toEqual(refused("is for traffic to workload, not to service"));
    expect(of("", { ...forPods, namespace: `${use}: w` })).toEqual(
      refused("is for traffic to workload, not to service"),
    );
    const ofClass = object("GatewayClass", "{ metadata: { name: c, labels: { istio.io/waypoint-for: workload } } }");
    const classed = gateway("", "spec: { gatewayClassName: c }, status: { addresses: [{ value: x }] }");
    expect(of(`${use}: w`, { objects: [classed, ofClass] })).toMatchObject({ kind: "refused" });
  });

  it("is none for waypoints, gateways between clusters, and the pods of Gateways", () => {
    for (const controller of ["mesh", "eastwest"])
      expect(of(`gateway.istio.io/managed: istio.io-${controller}-controller, ${use}: w`)).toEqual(none);
    for (const controller of ["istio.io-gateway-controller", "xistio.io-mesh-controller", "istio.io-mesh-controllers"])
      expect(of(`gateway.istio.io/managed: ${controller}, ${use}: w`)).toEqual(is);
    const named = (name: string) => ({
      ...({ traffic: "workload", objects: [gateway("labels: { istio.io/waypoint-for: all }")] } as const),
      namespace: `${use}: ${name}`,
    });
    expect(of("gateway.networking.k8s.io/gateway-name: w", named("w"))).toEqual(none);
    expect(of("gateway.networking.k8s.io/gateway-name: lost", named("w"))).toMatchObject({ kind: "bound" });
  });

  it("is unclear while a share of the requests goes to another", () => {
    const canary = "istio.io/use-waypoint-canary";
    const unclear = { kind: "unclear", reason: "a share of the requests goes to the canary waypoint next" };
    expect(of(`${use}: w, ${canary}: next`)).toEqual(unclear);
    expect(of("", { namespace: `${use}: w, ${canary}: next` })).toEqual(unclear);
    for (const name of ["none", "''"]) expect(of(`${use}: w, ${canary}: ${name}`)).toEqual(is);
    expect(of(`${use}: w, ${canary}: next`, { annotations: `${canary}-weight: "0"` })).toEqual(is);
    expect(of(`${use}: w, ${canary}: next`, { annotations: `${canary}-weight: "1"` })).toEqual(unclear);
    // A label of the namespace goes with the waypoint of the namespace.
    expect(of(`${use}: w`, { namespace: `${canary}: next` })).toEqual(is);
    expect(
      of(`${use}: w, ${canary}: next`, {
        traffic: "workload",
        objects: [gateway("labels: { istio.io/waypoint-for: all }")],
      }),
    ).toMatchObject({
      kind: "bound",
    });
  });
});

describe("gateways and their namespaces", () => {
  it("have the controller of their class, read or known", () => {
    const of = (name: string, ...more: KubeObject[]) => {
      const gateway = object("Gateway", `{ spec: { gatewayClassName: ${name} } }`);
      return [controllerOf(meshOf([gateway, ...more]), gateway), isIstioWaypoint(meshOf([gateway, ...more]), gateway)];
    };
    expect(of("istio-waypoint")).toEqual(["istio.io/mesh-controller", true]);
    expect(of("istio")).toEqual(["istio.io/gateway-controller", false]);
    expect(of("other")).toEqual([undefined, false]);
    const own = object(
      "GatewayClass",
      "{ metadata: { name: other }, spec: { controllerName: istio.io/mesh-controller } }",
    );
    expect(of("other", own)).toEqual(["istio.io/mesh-controller", true]);
  });

  it("present the ServiceAccounts of their ready pods", () => {
    const gateway = object("Gateway", "{ metadata: { name: g } }");
    const of = (more: string, account: string, status = ready, name = "g") =>
      pod(
        `{ metadata: { ${more} labels: { gateway.networking.k8s.io/gateway-name: ${name} } }, spec: { ${account} }, status: { ${status} } }`,
      );
    const pods = [
      of("", "serviceAccountName: s"),
      of("", "serviceAccountName: s"),
      of("", ""),
      of("", "serviceAccountName: late", "phase: Pending"),
      of("namespace: other,", "serviceAccountName: away"),
      of("", "serviceAccountName: another", ready, "h"),
    ];
    expect(identitiesOf(meshOf([gateway, ...pods]), gateway)).toEqual([
      { trustDomain: "cluster.local", namespace: "default", serviceAccount: "s" },
      { trustDomain: "cluster.local", namespace: "default", serviceAccount: "default" },
    ]);
  });

  // gateway-api: apis/v1/gateway_types.go (RouteNamespaces); a selector is one of Kubernetes.
  it("admit routes of namespaces by name or by labels", () => {
    const around = object("Namespace", "{ metadata: { name: other, labels: { team: a } } }");
    const allowed = (text: string, namespace = "other") =>
      namespaceAllowed(meshOf([around]), parse(text), "default", namespace);
    expect([allowed("{}"), allowed("{ from: Same }"), allowed("{ from: All }"), allowed("{}", "default")]).toEqual([
      ...[false, false, true, true],
    ]);
    const selected = (selector: string) => allowed(`{ from: Selector, selector: { ${selector} } }`);
    const expression = (text: string) => selected(`matchExpressions: [{ ${text} }]`);
    expect([selected("matchLabels: { team: a }"), selected("matchLabels: { team: b }")]).toEqual([true, false]);
    expect(selected("matchLabels: { kubernetes.io/metadata.name: other }")).toBe(true);
    expect([expression("key: team, operator: Exists"), expression("key: none, operator: Exists")]).toEqual([
      true,
      false,
    ]);
    expect([expression("key: team, operator: DoesNotExist"), expression("key: none, operator: DoesNotExist")]).toEqual([
      ...[false, true],
    ]);
    const values = (key: string, operator: string, list: string) =>
      expression(`key: ${key}, operator: ${operator}, values: [${list}]`);
    expect([values("team", "In", "a, b"), values("team", "In", "b"), values("none", "In", "a")]).toEqual([
      true,
      false,
      false,
    ]);
    expect([values("team", "NotIn", "a, b"), values("team", "NotIn", "b"), values("none", "NotIn", "a")]).toEqual([
      ...[false, true, true],
    ]);
    expect(selected("matchLabels: { team: a }, matchExpressions: [{ key: none, operator: Exists }]")).toBe(false);
    expect(selected("matchExpressions: [{ key: team, operator: Exists }, { key: none, operator: Exists }]")).toBe(
      false,
    );
  });

  it("send requests through the waypoint by a label of the Service, else of its namespace", () => {
    const key = "istio.io/ingress-use-waypoint";
    const uses = (own: string, namespace: string) => {
      const around = object("Namespace", `{ metadata: { name: default, labels: { ${namespace} } } }`);
      return ingressUsesWaypoint(meshOf([around]), service(`{ metadata: { labels: { ${own} } } }`));
    };
    expect([uses(`${key}: "true"`, ""), uses("", `${key}: "true"`), uses("", "")]).toEqual([true, true, false]);
    expect(uses(`${key}: "false"`, `${key}: "true"`)).toBe(false);
  });
});

describe("objects of a mesh", () => {
  // istio 1.31: pilot/pkg/model/config.go (sortConfigByCreationTime)
  it("are sorted by age, then by name and namespace", () => {
    const dated = (name: string, creationTimestamp?: string, namespace = "default") =>
      ({ kind: "K", metadata: { name, namespace, ...(creationTimestamp ? { creationTimestamp } : {}) } }) as KubeObject;
    const order = [
      dated("z"),
      dated("c", "2026-01-01"),
      dated("a", "2026-02-01", "a"),
      dated("a", "2026-02-01", "b"),
      dated("b", "2026-02-01"),
    ];
    const [first, second, third, fourth, fifth] = order;
    for (const shuffled of [order, [...order].reverse(), [third, first, fifth, second, fourth]])
      expect(byAge(shuffled.flatMap((each) => each ?? []))).toEqual(order);
  });

  it("have names with and without a namespace, and groups of which the core has two names", () => {
    expect([textOf({ namespace: "a", name: "b" }), textOf({ namespace: "", name: "b" })]).toEqual(["a/b", "b"]);
    expect(
      [{ group: "core", kind: "Service" }, { kind: "Service" }].map((ref) => refersTo(ref, "", "Service")),
    ).toEqual([...[true, true]]);
    expect([{ group: "x", kind: "Service" }, { kind: "Pod" }].map((ref) => refersTo(ref, "", "Service"))).toEqual([
      ...[false, false],
    ]);
    const mesh = meshOf([], { unread: [{ kind: "A", reason: "forbidden" }] });
    expect([unreadReason(mesh, ["B", "A"]), unreadReason(mesh, ["B"])]).toEqual([
      ...["A objects could not be read (forbidden)", undefined],
    ]);
  });

  it("have the MeshConfig of the ConfigMap istio, or of the only revision", () => {
    const named = (name: string, mesh: string, namespace = "istio-system") => {
      const map = meshConfig(mesh);
      return { ...map, metadata: { name, namespace } };
    };
    const of = (...maps: KubeObject[]) => meshConfigOf(meshOf(maps));
    const none = "pathNormalization: { normalization: NONE }";
    expect(of(named("istio", none), named("istio-next", "{}"))).toEqual({ pathNormalization: "NONE", providers: [] });
    expect(of(named("istio-next", none))).toEqual({ pathNormalization: "NONE", providers: [] });
    const unread = { pathNormalization: "unread" };
    expect(of(named("istio-a", none), named("istio-b", none))).toEqual(unread);
    expect([of(named("istio", none, "other")), of(named("istiox", none)), of(named("my-istio", none))]).toEqual([
      ...[unread, unread, unread],
    ]);
    expect(
      of(named("istio", "{ pathNormalization: { normalization: DEFAULT }, extensionProviders: [{ name: a }, {}] }")),
    ).toEqual({
      ...{ pathNormalization: "BASE", providers: ["a"] },
    });
  });

  it("report the settings of istiod that bind policies in another way", () => {
    const istiod = (variable: string, value: string, metadata = "name: istiod, namespace: istio-system") =>
      unusualSetting(
        meshOf([
          object(
            "Deployment",
            `{ metadata: { ${metadata} }, spec: { template: { spec: { containers: [{ env: [{ name: ${variable}, value: "${value}" }] }] } } } }`,
          ),
        ]),
      );
    for (const [name, usual] of [
      ["ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY", "true"],
      ["ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES", "false"],
      ["PILOT_AUTO_ALLOW_WAYPOINT_POLICY", "false"],
      ["ENABLE_INGRESS_WAYPOINT_ROUTING", "true"],
    ] as const) {
      const other = usual === "true" ? "false" : "true";
      expect(istiod(name, usual)).toBeUndefined();
      expect(istiod(name, other)).toBe(`istiod runs with ${name}=${other}, which changes how policies bind`);
      expect(istiod(name, other, "name: istiod-next, namespace: istio-system")).toBeDefined();
      for (const elsewhere of [
        "name: istiod",
        "name: myistiod, namespace: istio-system",
        "name: istiodx, namespace: istio-system",
      ])
        expect(istiod(name, other, elsewhere)).toBeUndefined();
    }
    expect(istiod("OTHER", "x")).toBeUndefined();
  });
});
