import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { gatewayNodePorts } from "./kind-config";
import { appNamespace, gatewayName } from "./names";

/** Ports of the gateway by the names of its listeners. */
const ports = { http: 80, https: 443 } as const;

/**
 * The way from a port that kind publishes on 127.0.0.1 to a listener of the gateway. It may be there before there is a
 * pod: kube-proxy needs a second or two to open a port, and then only has to learn who answers.
 */
export function loopback(
  resource: string,
  { name, listener }: { name: string; listener: keyof typeof ports },
  opts: pulumi.CustomResourceOptions,
): k8s.core.v1.Service {
  return new k8s.core.v1.Service(
    resource,
    {
      metadata: { name, namespace: appNamespace, annotations: { "pulumi.com/skipAwait": "true" } },
      spec: {
        type: "NodePort",
        selector: { "gateway.networking.k8s.io/gateway-name": gatewayName },
        ports: [{ name: listener, port: ports[listener], nodePort: gatewayNodePorts[listener] }],
      },
    },
    opts,
  );
}
