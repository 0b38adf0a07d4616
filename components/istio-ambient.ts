import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { bundle } from "./bundle";
import { baseValues, cniValues, type IstioSettings, istiodValues, ztunnelValues } from "./istio-values";
import { appNamespace, meshNamespace } from "./names";

export interface IstioAmbientArgs extends IstioSettings {
  /** Packed charts on this machine. */
  charts: Readonly<Record<"base" | "istiod" | "cni" | "ztunnel", string>>;
  /** What must be there before a pod of Istio starts: its images in the nodes, the nodes' kernel limits. */
  after: pulumi.Resource[];
  /** CRDs that istiod looks for when it starts. */
  gatewayApi: pulumi.Resource;
}

/**
 * Istio in ambient mode, in the order that ztunnel's readiness demands: it needs istiod's certificates and the socket of
 * istio-cni. Only then is the namespace enrolled: a pod that starts earlier hangs in "no ztunnel connection".
 */
export class IstioAmbient extends pulumi.ComponentResource {
  /** Namespace of Istio; exists once this release is there. */
  readonly base: pulumi.Resource;
  /** Gateways, waypoints and policies are taken from here on. */
  readonly controlPlane: pulumi.Resource;
  /** Pods that start after this are in the mesh. */
  readonly enrolment: pulumi.Resource;

  constructor(name: string, args: IstioAmbientArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:mesh:IstioAmbient", name, {}, opts);
    const namespace = meshNamespace;
    const base = bundle(
      "istio-base",
      { chart: args.charts.base, namespace, createNamespace: true, values: baseValues() },
      { parent: this },
    );
    const istiod = bundle(
      "istiod",
      { chart: args.charts.istiod, namespace, values: istiodValues(args) },
      { parent: this, dependsOn: [base, args.gatewayApi, ...args.after] },
    );
    const cni = bundle(
      "istio-cni",
      { chart: args.charts.cni, namespace, values: cniValues(args) },
      { parent: this, dependsOn: [base, ...args.after] },
    );
    const ztunnel = bundle(
      "ztunnel",
      { chart: args.charts.ztunnel, namespace, values: ztunnelValues(args) },
      { parent: this, dependsOn: [istiod, cni] },
    );
    this.base = base;
    this.controlPlane = istiod;
    this.enrolment = new k8s.core.v1.NamespacePatch(
      `${name}-enrolment`,
      { metadata: { name: appNamespace, labels: { "istio.io/dataplane-mode": "ambient" } } },
      { parent: this, dependsOn: ztunnel },
    );
    this.registerOutputs();
  }
}
