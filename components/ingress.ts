import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { annotationKeys, appNamespace, gatewayName, gatewayWorkload, ports } from "../config/vocabulary";
import { customResource, type Specs } from "./custom-resource";
import { loopback } from "./loopback";
import { ownAnnotations, type Proxies, rollout } from "./rollout";

export interface IngressArgs {
  /** DNS domain of the gateway's listener; appb answers on `appb.<domain>`. */
  domain: string;
  /** Whether a NodePort Service connects the port that kind publishes on 127.0.0.1 to the gateway. */
  loopback: boolean;
  /** "annotation=value": annotations of the gateway's Service for the cluster's load balancer. */
  annotations: readonly string[];
  /** Listeners of modules, in addition to the one for HTTP. */
  listeners: Specs["Gateway"]["listeners"];
  proxies: Proxies;
}

/** The ingress: a Gateway for `*.<domain>` and the route of `appb.<domain>`. */
export class Ingress extends pulumi.ComponentResource {
  /** Address of the gateway from the cluster's load balancer; empty with `loopback`. */
  readonly address: pulumi.Output<string>;

  constructor(name: string, args: IngressArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super(
      "ambientlab:network:Ingress",
      name,
      { domain: args.domain, loopback: args.loopback, annotations: args.annotations },
      opts,
    );
    const gateway = customResource(
      gatewayName,
      {
        kind: "Gateway",
        metadata: {
          name: gatewayName,
          namespace: appNamespace,
          annotations: { [annotationKeys.waitFor]: "condition=Programmed" },
        },
        spec: {
          gatewayClassName: "istio",
          infrastructure: { annotations: { ...ownAnnotations.annotations, ...annotationsOf(args.annotations) } },
          listeners: [
            {
              name: "http",
              hostname: `*.${args.domain}`,
              port: 80,
              protocol: "HTTP",
              allowedRoutes: { namespaces: { from: "Same" } },
            },
            ...args.listeners,
          ],
        },
      },
      { prefix: name, parent: this },
    );
    customResource(
      `${name}-appb`,
      {
        kind: "HTTPRoute",
        metadata: { name: "appb", namespace: appNamespace },
        spec: {
          parentRefs: [{ name: gatewayName }],
          hostnames: [`appb.${args.domain}`],
          rules: [{ backendRefs: [{ name: "appb", port: ports.service }] }],
        },
      },
      { prefix: name, parent: this, dependsOn: gateway },
    );
    const ready = rollout(`${name}-rollout`, gatewayWorkload, args.proxies.istio, {
      prefix: name,
      parent: this,
      dependsOn: [gateway, ...(args.proxies.after ?? [])],
    });
    if (args.loopback) {
      loopback(`${name}-loopback`, { name: "gateway-loopback", listener: "http" }, { parent: this });
    }
    this.address = args.loopback ? pulumi.output("") : loadBalancerAddress(name, this, ready);
    this.registerOutputs({ address: this.address });
  }
}

/** "key=value" pairs as a map. Values may contain "=". */
function annotationsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)] as const),
  );
}

function loadBalancerAddress(
  name: string,
  parent: pulumi.Resource,
  ready: pulumi.CustomResource,
): pulumi.Output<string> {
  // Unknown in the preview of a new lab: otherwise the engine would read a Service that does not exist yet, and fail.
  const id = ready.id.apply(() => `${appNamespace}/${gatewayWorkload}`);
  const service = k8s.core.v1.Service.get(`${name}-address`, id, { parent, dependsOn: ready });
  return service.status.apply((status) => {
    const [ingress] = status?.loadBalancer?.ingress ?? [];
    return ingress?.hostname ?? ingress?.ip ?? "";
  });
}
