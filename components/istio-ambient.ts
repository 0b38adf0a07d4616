import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { appNamespace, labelKeys, meshNamespace } from "../config/vocabulary";
import { bundle } from "./bundle";
import { customResource } from "./custom-resource";
import { baseValues, cniValues, type IstioSettings, istiodValues, ztunnelValues } from "./istio-values";

/**
 * Time for which a proxy keeps an idle connection to an application. Envoy's default is an hour, and go-httpbin closes
 * connections after five seconds: a request that is sent at that moment gets 503 (flag UC), as seen on a busy machine.
 */
const idleTimeout = "3s";

export interface IstioAmbientArgs extends IstioSettings {
  /** Whether another version of Istio runs, whose parts must be replaced one after another. */
  upgrade: boolean;
  /** Packed charts on this machine. */
  charts: Readonly<Record<"base" | "istiod" | "cni" | "ztunnel", string>>;
  /** Dependencies of Istio's pods: images in the nodes, and kernel limits. */
  after: pulumi.Resource[];
  /** CRDs that istiod detects when it starts. @default the cluster has them */
  gatewayApi?: pulumi.Resource;
}

/**
 * Istio in ambient mode. ztunnel becomes ready after istiod (certificates) and istio-cni (socket). The namespace is enrolled
 * last: a pod that starts before ztunnel fails with "no ztunnel connection".
 *
 * The order of an upgrade is CRDs, istiod, istio-cni, ztunnel: istio-cni and ztunnel work with an istiod of the next minor, and
 * not vice versa (istio.io, docs/ambient/upgrade/helm). istiod upgrades gateways and waypoints.
 */
export class IstioAmbient extends pulumi.ComponentResource {
  /** Namespace of Istio and the addons. */
  readonly namespace: pulumi.Resource;
  /** istiod: dependency of gateways, waypoints and policies. */
  readonly controlPlane: pulumi.Resource;
  /** ztunnel, the last release of an upgrade. */
  readonly dataPlane: pulumi.Resource;
  /** Enrolment of the apps' namespace: pods that start after it are in the mesh. */
  readonly enrolment: pulumi.Resource;

  constructor(name: string, args: IstioAmbientArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super(
      "ambientlab:mesh:IstioAmbient",
      name,
      { charts: args.charts, logLevel: args.logLevel, resources: args.resources },
      opts,
    );
    const namespace = meshNamespace;
    // A resource of its own: Helm would not delete it, and the mesh's keys would remain.
    this.namespace = new k8s.core.v1.Namespace(
      `${name}-namespace`,
      // Admits istio-cni and ztunnel in a cluster that enforces a stricter level by default.
      { metadata: { name: namespace, labels: { "pod-security.kubernetes.io/enforce": "privileged" } } },
      { parent: this },
    );
    const base = bundle(
      "istio-base",
      { chart: args.charts.base, namespace, values: baseValues(args) },
      { prefix: name, parent: this, dependsOn: this.namespace },
    );
    const istiod = bundle(
      "istiod",
      { chart: args.charts.istiod, namespace, values: istiodValues(args) },
      { prefix: name, parent: this, dependsOn: [base, ...(args.gatewayApi ? [args.gatewayApi] : []), ...args.after] },
    );
    const cni = bundle(
      "istio-cni",
      { chart: args.charts.cni, namespace, values: cniValues(args) },
      { prefix: name, parent: this, dependsOn: [base, ...(args.upgrade ? [istiod] : []), ...args.after] },
    );
    const ztunnel = bundle(
      "ztunnel",
      { chart: args.charts.ztunnel, namespace, values: ztunnelValues(args) },
      { prefix: name, parent: this, dependsOn: [istiod, cni] },
    );
    customResource(
      `${name}-connections`,
      {
        kind: "DestinationRule",
        metadata: { name: "connections", namespace },
        spec: { host: "*", trafficPolicy: { connectionPool: { http: { idleTimeout } } } },
      },
      { prefix: name, parent: this, dependsOn: istiod },
    );
    this.controlPlane = istiod;
    this.dataPlane = ztunnel;
    this.enrolment = new k8s.core.v1.NamespacePatch(
      `${name}-enrolment`,
      { metadata: { name: appNamespace, labels: { [labelKeys.dataplaneMode]: "ambient" } } },
      { parent: this, dependsOn: ztunnel },
    );
    this.registerOutputs();
  }
}
