import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { appNamespace, labelKeys, meshNamespace } from "../config/vocabulary";
import { bundle } from "./bundle";
import { customResource } from "./custom-resource";
import { baseValues, cniValues, type IstioSettings, istiodValues, ztunnelValues } from "./istio-values";

/**
 * For how long a proxy keeps an idle connection to an application. Envoy's default of an hour outlives the five seconds of
 * go-httpbin: a request that sets out while the application hangs up is answered 503 (flag UC), as seen on a busy machine.
 */
const idleTimeout = "3s";

export interface IstioAmbientArgs extends IstioSettings {
  /** Whether another version of Istio runs, whose parts are to be replaced one after the other. */
  upgrade: boolean;
  /** Packed charts on this machine. */
  charts: Readonly<Record<"base" | "istiod" | "cni" | "ztunnel", string>>;
  /** What must be there before a pod of Istio starts: its images in the nodes, the nodes' kernel limits. */
  after: pulumi.Resource[];
  /** CRDs that istiod looks for when it starts. @default the cluster has them */
  gatewayApi?: pulumi.Resource;
}

/**
 * Istio in ambient mode, in the order that ztunnel's readiness demands: it needs istiod's certificates and the socket of
 * istio-cni. Only then is the namespace enrolled: a pod that starts earlier hangs in "no ztunnel connection".
 *
 * An upgrade goes CRDs, istiod, istio-cni, ztunnel: istio-cni and ztunnel work with an istiod that is one minor ahead, and
 * not the other way round (istio.io, docs/ambient/upgrade/helm). istiod itself rolls gateways and waypoints.
 */
export class IstioAmbient extends pulumi.ComponentResource {
  /** Namespace of Istio and the addons. */
  readonly namespace: pulumi.Resource;
  /** Gateways, waypoints and policies are taken from here on. */
  readonly controlPlane: pulumi.Resource;
  /** ztunnel, the last part that an upgrade replaces by a release. */
  readonly dataPlane: pulumi.Resource;
  /** Pods that start after this are in the mesh. */
  readonly enrolment: pulumi.Resource;

  constructor(name: string, args: IstioAmbientArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super(
      "ambientlab:mesh:IstioAmbient",
      name,
      { charts: args.charts, logLevel: args.logLevel, resources: args.resources },
      opts,
    );
    const namespace = meshNamespace;
    // Its own resource: Helm would leave it behind, with the mesh's keys in it.
    this.namespace = new k8s.core.v1.Namespace(
      `${name}-namespace`,
      // istio-cni and ztunnel are not admitted where the cluster enforces a stricter level in namespaces without a label.
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
