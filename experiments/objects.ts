import type { LabSettings } from "../config/schema";
import type { Layer, ModuleName } from "../config/vocabulary";
import { moduleObjects } from "../modules/objects";
import { apps, core, gatewayApi, lab, networking, type ObjectSpec, security } from "./object-spec";

const system = (apiVersion: string, kind: string, name: string, layer: Layer): ObjectSpec =>
  lab(apiVersion, kind, name, layer, "istio-system");

/** Every object that the verifier reads by name. The keys are what reports say. */
export const objects = {
  "Namespace/default": { apiVersion: core, kind: "Namespace", name: "default", layer: "ztunnel" },
  "Deployment/istiod": system(apps, "Deployment", "istiod", "istiod"),
  "DestinationRule/connections": system(networking, "DestinationRule", "connections", "waypoint"),
  "DaemonSet/istio-cni-node": system(apps, "DaemonSet", "istio-cni-node", "istio-cni"),
  "DaemonSet/ztunnel": system(apps, "DaemonSet", "ztunnel", "ztunnel"),
  "Deployment/appa": lab(apps, "Deployment", "appa", "app"),
  "Deployment/appb": lab(apps, "Deployment", "appb", "app"),
  "Deployment/stranger": lab(apps, "Deployment", "stranger", "app"),
  "Deployment/outsider": lab(apps, "Deployment", "outsider", "app"),
  "Service/appb": lab(core, "Service", "appb", "waypoint"),
  "Gateway/gateway": lab(gatewayApi, "Gateway", "gateway", "gateway"),
  "Deployment/gateway-istio": lab(apps, "Deployment", "gateway-istio", "gateway"),
  "Service/gateway-istio": lab(core, "Service", "gateway-istio", "gateway"),
  "HTTPRoute/appb": lab(gatewayApi, "HTTPRoute", "appb", "gateway"),
  "Gateway/waypoint": lab(gatewayApi, "Gateway", "waypoint", "waypoint"),
  "Deployment/waypoint": lab(apps, "Deployment", "waypoint", "waypoint"),
  "AuthorizationPolicy/appb-l7": lab(security, "AuthorizationPolicy", "appb-l7", "waypoint"),
  "AuthorizationPolicy/appb-waypoint-only": lab(security, "AuthorizationPolicy", "appb-waypoint-only", "ztunnel"),
  "VirtualService/appb-fault": lab(networking, "VirtualService", "appb-fault", "waypoint"),
  "IPAddressPool/lab": {
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    namespace: "metallb-system",
    name: "lab",
    layer: "load-balancer",
  },
  "L2Advertisement/lab": {
    apiVersion: "metallb.io/v1beta1",
    kind: "L2Advertisement",
    namespace: "metallb-system",
    name: "lab",
    layer: "load-balancer",
  },
  "Service/prometheus": system(core, "Service", "prometheus", "prometheus"),
  "Service/grafana": system(core, "Service", "grafana", "grafana"),
  "Service/tracing": system(core, "Service", "tracing", "jaeger"),
  "Service/kiali": system(core, "Service", "kiali", "kiali"),
  ...moduleObjects,
} as const satisfies Record<string, ObjectSpec>;

/** Name of an object of the lab, such as "Service/appb". */
export type LabObject = keyof typeof objects;

/** The module that an object belongs to; nothing for the objects of the story. */
export function moduleOf(object: LabObject): ModuleName | undefined {
  const spec: ObjectSpec = objects[object];
  return spec.module;
}

/** The objects of a lab with these settings. */
export const objectsOf = ({ modules }: Pick<LabSettings, "modules">): LabObject[] =>
  (Object.keys(objects) as LabObject[]).filter((object) => {
    const module = moduleOf(object);
    return module === undefined || modules.includes(module);
  });

/** What a request from a pod of the mesh to the Service appb depends on. */
export const meshPath = [
  "Namespace/default",
  "DaemonSet/ztunnel",
  "Deployment/appa",
  "Deployment/appb",
  "Gateway/waypoint",
  "Deployment/waypoint",
  "Service/appb",
] as const satisfies readonly LabObject[];

/** What a request through the gateway depends on, beside {@link meshPath}. */
export const gatewayPath = [
  "Gateway/gateway",
  "Deployment/gateway-istio",
  "HTTPRoute/appb",
] as const satisfies readonly LabObject[];

/** The policies that decide about a request to appb. */
export const policies = [
  "AuthorizationPolicy/appb-l7",
  "AuthorizationPolicy/appb-waypoint-only",
] as const satisfies readonly LabObject[];
