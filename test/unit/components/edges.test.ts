import { beforeAll, describe, expect, test } from "vitest";
import { versions } from "../../../config/versions";
import { type Declaration, declare } from "../../support/program";

let lab: Declaration;
let pulling: Declaration;

beforeAll(async () => {
  lab = await declare();
  pulling = await declare({ imageSource: "pull", appImage: "registry.test/httpbin:1" });
}, 60_000);

/** Everything of a lab except what makes the cluster, the network and the provider itself. */
const matching = (pattern: RegExp, from = lab) => from.resources.filter(({ name }) => pattern.test(name));

describe("what waits for what", () => {
  test.each([
    ["istio-istiod", "gateway-api", "it looks for the CRDs when it starts"],
    ["istio-istiod", "cluster-sysctls", "its pods watch files"],
    ["istio-istiod", "images-load-mesh", "the nodes have its image by then"],
    ["istio-cni", "images-load-mesh", "the nodes have its image by then"],
    ["istio-ztunnel", "istio-istiod", "it needs certificates"],
    ["istio-ztunnel", "istio-cni", "it needs the socket"],
    ["istio-enrolment", "istio-ztunnel", "a pod that starts earlier hangs"],
    ["apps-appa", "istio-enrolment", "it must start inside the mesh"],
    ["apps-appb", "app-load", "the nodes have its image by then"],
    ["apps-appb-service", "apps-appb", "the engine awaits its endpoints"],
    ["ingress-gateway", "istio-istiod", "somebody must program it"],
    ["ingress-gateway", "metallb-advertisement", "it needs an address"],
    ["waypoint-gateway", "istio-istiod", "somebody must program it"],
    ["policies-appb-l7", "istio-istiod", "its webhook answers"],
    ["metallb-pool", "metallb", "its CRD comes with the bundle"],
    ["metallb", "images-load-metallb", "the nodes have its image by then"],
    ["addons-prometheus", "istio-namespace", "it lives there"],
    ["istio-base", "istio-namespace", "it lives there"],
    ["addons-kiali", "images-load-addons", "the nodes have its image by then"],
    ["cluster-kind", "cluster-network", "the nodes live on it"],
    ["cluster-kind", "cluster-node-image", "one that cannot be had must not cost the cluster that is there"],
    ["cluster-network", "cluster-node-image", "another network as well is the end of the cluster that is there"],
    ["images-load-metallb", "cluster-kind", "it loads into the nodes"],
    ["images-load-mesh", "cluster-kind", "it loads into the nodes"],
    ["app-load", "app-build", "it loads what was built"],
    ["ingress-gateway", "images-load-proxies", "the nodes have its image by then"],
    ["waypoint-gateway", "images-load-proxies", "the nodes have its image by then"],
    ["images-load-proxies", "images-load-mesh", "the mesh is on the longest way"],
    ["images-load-addons", "images-load-proxies", "the gateway is on the longest way"],
    ["app-load", "images-load-proxies", "the gateway is on the longest way"],
  ])("%s waits for %s: %s", (waiting, first) => {
    expect([...lab.waitsFor(waiting)]).toContain(first);
  });

  test.each([
    ["pulling and building images", /^(images-pull-.*|app-build|cluster-node-image)$/, /^cluster-/],
    ["the Gateway API", /^gateway-api$/, /^(images-|app-|cluster-sysctls|istio|metallb)/],
    ["Istio", /^istio-/, /^(app|images-.*-(addons|metallb|proxies)|metallb|waypoint|policies)/],
    ["MetalLB", /^metallb/, /^(istio|gateway-api|apps?-|images-.*-(addons|mesh|proxies))/],
    ["the addons", /^addons-/, /^(apps?-|istio-(istiod|ztunnel)|ingress|waypoint|metallb)/],
    ["the loopback port", /^ingress-loopback$/, /^ingress-(gateway|rollout)/],
    ["the apps", /^apps-app[ab]/, /^(addons|ingress|waypoint|policies|metallb)/],
    ["gateway, waypoint and policies", /^(ingress|waypoint|policies)/, /^(apps-app[ab]|addons|istio-ztunnel)/],
  ])("%s do not wait for others", (_, waiting, never) => {
    const found = matching(waiting).filter(({ custom }) => custom);
    expect(found.length).toBeGreaterThan(0);
    for (const { name } of found) {
      expect(
        [...lab.waitsFor(name)].filter((each) => never.test(each)),
        name,
      ).toEqual([]);
    }
  });

  test.each([
    ["istio-istiod", "istio-base"],
    ["istio-cni", "istio-istiod"],
    ["istio-ztunnel", "istio-cni"],
    ["ingress-rollout", "istio-ztunnel"],
    ["waypoint-rollout", "istio-ztunnel"],
  ])("in an upgrade %s waits for %s", async (waiting, first) => {
    const upgrade = await declare({ istioVersion: "1.31.2" }, { installedIstio: "1.31.1" });
    expect([...upgrade.waitsFor(waiting)]).toContain(first);
  });

  test("in an upgrade istiod waits for the proxies' images, since a new one rolls every proxy", async () => {
    const modules = ["agentgateway"];
    const upgrade = await declare({ istioVersion: "1.31.2", modules }, { installedIstio: "1.31.1" });
    for (const group of ["proxies", "modules"])
      expect([...upgrade.waitsFor("istio-istiod")]).toContain(`images-load-${group}`);
  });

  test("istio-cni does not wait for istiod when there is nothing to upgrade", async () => {
    expect([...lab.waitsFor("istio-cni")]).not.toContain("istio-istiod");
    expect([...(await declare({}, { installedIstio: versions.istio })).waitsFor("istio-cni")]).not.toContain(
      "istio-istiod",
    );
  });

  test("only a ready app image is loaded when the nodes pull", () => {
    expect(matching(/^(images|app)-/, pulling).map(({ name }) => name)).toEqual(["app-load"]);
  });
});

test("a host outside the mesh is declared after its Service exists", async () => {
  const withEgress = await declare({ modules: ["egress"] });
  for (const entry of ["partner", "forbidden"])
    for (const first of ["egress-external-service", "egress-namespace"])
      expect([...withEgress.waitsFor(`egress-${entry}`)]).toContain(first);
});

describe("what goes with what", () => {
  test("everything inside the cluster is deleted with it", () => {
    const inside = lab.resources.filter(
      ({ type, custom }) => custom && /^(kubernetes|pulumi:providers:kubernetes)/.test(type),
    );
    expect(inside.length).toBeGreaterThan(25);
    for (const { name, deletedWith } of inside) expect(deletedWith, name).toBe("cluster-kind");
    for (const { name, deletedWith } of matching(/-load|sysctls$/)) expect(deletedWith, name).toBe("cluster-kind");
  });

  test("files of the stack that go with the cluster are written again for the next one", async () => {
    const withTls = await declare({ modules: ["gateway-tls"] });
    expect(withTls.find("gateway-tls-ca-file").inputs.triggers).toEqual(["cluster-kind-id"]);
  });

  test("cluster and network are deleted by commands, the network last", () => {
    for (const name of ["cluster-kind", "cluster-network"])
      expect(lab.find(name).request.getDeletebeforereplace()).toBe(true);
    for (const name of ["cluster-kind", "cluster-network-removal"])
      expect(lab.find(name).deletedWith, name).toBeUndefined();
    expect(lab.find("cluster-kind").inputs.delete).toContain("kind delete cluster");
    expect(lab.find("cluster-kind").inputs.environment).toMatchObject({ NETWORK_ID: "cluster-network-id" });
    expect(lab.find("cluster-network").deletedWith).toBe("cluster-network-removal");
    expect([...lab.waitsFor("cluster-network")]).toContain("cluster-network-removal");
    expect(lab.find("cluster-network-removal").inputs).toMatchObject({
      delete: expect.stringContaining("docker network rm"),
      environment: {
        NETWORK: "ambient-lab-unit",
        LABELS: "ambient-lab.stack=unit\nambient-lab.owner=alice@laptop file:///home/alice",
      },
    });
  });

  test("the network's labels name stack and owner; other labels or another MTU do not replace the network of a lab that is there", () => {
    const { inputs, request } = lab.find("cluster-network");
    expect(inputs.labels).toEqual([
      { label: "ambient-lab.stack", value: "unit" },
      { label: "ambient-lab.owner", value: "alice@laptop file:///home/alice" },
    ]);
    expect(request.getIgnorechangesList()).toEqual(["labels", "options"]);
    expect(lab.find("cluster-network-removal").request.getIgnorechangesList()).toEqual(["environment"]);
  });

  test("every Kubernetes resource has the lab's own provider, never the default one", () => {
    for (const { name, type, provider } of lab.resources) {
      if (type.startsWith("kubernetes:")) expect(provider, name).toBe("kubernetes");
    }
  });
});
