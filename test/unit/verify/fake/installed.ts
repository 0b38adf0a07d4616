import { stringify } from "yaml";
import type { LabFacts } from "../../../../experiments/types";
import { at, listAt, textAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";
import type { Release } from "./declared";
import { objectOf } from "./object-key";

/** A condition that is True. */
export const yes = (type: string, message = ""): object => ({ type, status: "True", message });

const workload = (key: string, image: string, labels: object, name = "istio-proxy"): KubeObject =>
  objectOf("apps/v1", key, {
    spec: { replicas: 1, template: { metadata: { labels }, spec: { containers: [{ name, image }] } } },
  });

const service = (key: string, port: number, targetPort: number, app: string): KubeObject =>
  objectOf("v1", key, { spec: { selector: { app }, ports: [{ port, targetPort }] } });

/** Objects of a chart of the lab that the verifier reads. */
export function installedBy({ name, namespace, values }: Release, { versions }: LabFacts): KubeObject[] {
  const istio = (image: string) => `${textAt(values, "global", "hub")}/${image}:${versions.istio}-distroless`;
  const className = (each: string) => objectOf("gateway.networking.k8s.io/v1", `GatewayClass//${each}`, {});
  switch (name) {
    case "gateway-api":
      return [
        objectOf(
          "apiextensions.k8s.io/v1",
          "CustomResourceDefinition//gateways.gateway.networking.k8s.io",
          {},
          {
            annotations: {
              "gateway.networking.k8s.io/bundle-version": versions.gatewayApi,
              "gateway.networking.k8s.io/channel": "standard",
            },
          },
        ),
      ];
    case "metallb":
      return [objectOf("v1", "Namespace//metallb-system", {})];
    case "istiod":
      return [
        workload(`Deployment/${namespace}/istiod`, istio("pilot"), { app: "istiod" }, "discovery"),
        objectOf("v1", `ConfigMap/${namespace}/istio`, { data: { mesh: stringify(at(values, "meshConfig")) } }),
        // istiod creates the classes of its controllers.
        ...["istio", "istio-remote", "istio-waypoint"].map(className),
      ];
    case "istio-cni":
      return [
        workload(
          ...([`DaemonSet/${namespace}/istio-cni-node`, istio("install-cni")] as const),
          ...([{ "k8s-app": "istio-cni-node" }, "install-cni"] as const),
        ),
      ];
    case "ztunnel":
      return [workload(`DaemonSet/${namespace}/ztunnel`, istio("ztunnel"), { app: "ztunnel" })];
    case "prometheus":
      return [service(`Service/${namespace}/prometheus`, 9090, 9090, name)];
    case "grafana":
      return [service(`Service/${namespace}/grafana`, 3000, 3000, name)];
    case "jaeger":
      return [
        service(`Service/${namespace}/tracing`, 80, 16_686, name),
        service(`Service/${namespace}/jaeger-collector`, 4317, 4317, name),
      ];
    case "kiali":
      return [service(`Service/${namespace}/kiali`, 20_001, 20_001, name)];
    default:
      return [];
  }
}

/** The classes for whose Gateways istiod creates Deployments. The classes of an agentgateway require a feature of istiod. */
const deployedAs = (className: string, istiod: Release | undefined): "gateway" | "waypoint" | undefined => {
  if (!istiod) return undefined;
  if (className === "istio") return "gateway";
  if (className === "istio-waypoint") return "waypoint";
  const aware = textAt(istiod.values, "env", "PILOT_ENABLE_AGENTGATEWAY") === "true";
  return aware && className === "istio-agentgateway-waypoint" ? "waypoint" : undefined;
};

/**
 * Objects that istiod generates for a Gateway: a Deployment with its ServiceAccount, and a Service with the ports of the
 * listeners. For a gateway, the name consists of the Gateway and its class; for a waypoint, it is the name of the Gateway
 * (pilot/pkg/config/kube/gateway/deploymentcontroller.go).
 */
export function generatedFor(gateway: KubeObject, releases: readonly Release[], { versions }: LabFacts): KubeObject[] {
  const istiod = releases.find(({ name }) => name === "istiod");
  const className = textAt(gateway, "spec", "gatewayClassName") ?? "";
  const role = deployedAs(className, istiod);
  if (!role) return [];
  const own = gateway.metadata?.name ?? "";
  const name = role === "gateway" ? `${own}-${className}` : own;
  const place = `${gateway.metadata?.namespace}/${name}`;
  const labels = { "gateway.networking.k8s.io/gateway-name": own, "istio.io/dataplane-mode": "none" };
  const image = `${textAt(istiod?.values, "global", "hub")}/proxyv2:${versions.istio}-distroless`;
  const ports = listAt(gateway, "spec", "listeners").map((listener) => {
    const port = at(listener, "port");
    return { name: textAt(listener, "name"), port, targetPort: port };
  });
  const type = role === "gateway" ? "LoadBalancer" : "ClusterIP";
  return [
    objectOf("v1", `ServiceAccount/${place}`, {}),
    objectOf("apps/v1", `Deployment/${place}`, {
      spec: {
        replicas: 1,
        template: {
          metadata: { labels },
          spec: { serviceAccountName: name, containers: [{ name: "istio-proxy", image }] },
        },
      },
    }),
    objectOf("v1", `Service/${place}`, { spec: { type, selector: labels, ports } }),
  ];
}
