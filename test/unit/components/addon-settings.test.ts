import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { adaptAddon } from "../../../components/addon-settings";

/** What of Kiali's sample manifest matters: a text of YAML inside a ConfigMap, among other objects. */
const sample = `---
# Source: kiali-server/templates/serviceaccount.yaml
apiVersion: v1
kind: ServiceAccount
metadata:
  name: kiali
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: kiali
data:
  config.yaml: |
    auth:
      strategy: anonymous
    external_services:
      istio:
        root_namespace: istio-system
      tracing:
        enabled: false
    server:
      port: 20001
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: other
data:
  a: b
...
`;

function adapted(addons: string[]) {
  const objects = parseAllDocuments(adaptAddon("kiali", sample, { addons })).map((each) => each.toJS());
  return { objects, config: parse(objects[1].data["config.yaml"]) };
}

describe("adaptAddon", () => {
  test("adaptAddon() wires Kiali to the neighbours that are installed", () => {
    const { config } = adapted(["prometheus", "grafana", "jaeger", "kiali"]);
    expect(config.external_services).toMatchObject({
      prometheus: { url: "http://prometheus.istio-system:9090" },
      grafana: { enabled: true, internal_url: "http://grafana.istio-system:3000" },
      tracing: {
        enabled: true,
        provider: "jaeger",
        use_grpc: false,
        internal_url: "http://tracing.istio-system/jaeger",
      },
    });
  });

  test("adaptAddon() switches off the neighbours that are not", () => {
    const { config } = adapted(["prometheus", "kiali"]);
    expect(config.external_services).toMatchObject({ grafana: { enabled: false }, tracing: { enabled: false } });
  });

  test("adaptAddon() keeps every other object and setting", () => {
    const { objects, config } = adapted(["prometheus", "kiali"]);
    expect(objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([
      "ServiceAccount/kiali",
      "ConfigMap/kiali",
      "ConfigMap/other",
    ]);
    expect(config).toMatchObject({
      auth: { strategy: "anonymous" },
      server: { port: 20001 },
      external_services: { istio: { root_namespace: "istio-system" } },
    });
  });

  test("adaptAddon() fails when Kiali's manifest has another layout", () => {
    expect(() => adaptAddon("kiali", "kind: Pod\n", { addons: [] })).toThrow("its layout has changed");
  });

  test("adaptAddon() lets the pool in while MetalLB's webhook does not answer yet", () => {
    const webhook = "webhooks:\n- name: a\n  failurePolicy: Fail\n  sideEffects: None\n";
    expect(parse(adaptAddon("metallb", webhook, { addons: [] })).webhooks).toEqual([
      { name: "a", failurePolicy: "Ignore", sideEffects: "None" },
    ]);
  });

  test("adaptAddon() leaves the other addons' manifests alone", () => {
    expect(adaptAddon("grafana", sample, { addons: [] })).toBe(sample);
  });
});
