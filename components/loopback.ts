import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { annotationKeys, appNamespace, gatewayName, labelKeys } from "../config/vocabulary";
import { gatewayNodePorts } from "./kind-config";

/** Ports of the gateway by the names of its listeners. */
const listenerPorts = { http: 80, https: 443 } as const;

/**
 * A NodePort Service that connects a port that kind publishes on 127.0.0.1 to a listener of the gateway. It does not wait for a
 * pod: kube-proxy needs a second or two to open a port.
 */
export function loopback(
  resource: string,
  { name, listener }: { name: string; listener: keyof typeof listenerPorts },
  opts: pulumi.CustomResourceOptions,
): k8s.core.v1.Service {
  return new k8s.core.v1.Service(
    resource,
    {
      metadata: { name, namespace: appNamespace, annotations: { [annotationKeys.skipAwait]: "true" } },
      spec: {
        type: "NodePort",
        selector: { [labelKeys.gatewayName]: gatewayName },
        ports: [{ name: listener, port: listenerPorts[listener], nodePort: gatewayNodePorts[listener] }],
      },
    },
    opts,
  );
}
