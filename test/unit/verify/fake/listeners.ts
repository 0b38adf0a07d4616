import { listAt, numberAt, textAt } from "../../../../verify/json";
import type { KubeObject } from "../../../../verify/lab-client";

/** Whether a listener accepts a host name. */
export function takesHost(listener: unknown, host: string): boolean {
  const pattern = textAt(listener, "hostname") ?? "*";
  return pattern.startsWith("*") ? host.endsWith(pattern.slice(1)) : host === pattern;
}

/** The port of the gateway's pods for a node port; undefined when no NodePort Service has it. */
export function gatewayPort(services: readonly KubeObject[], nodePort: number | undefined): number | undefined {
  for (const { spec } of services) {
    if (textAt(spec, "selector", "gateway.networking.k8s.io/gateway-name") !== "gateway") continue;
    const entry = listAt(spec, "ports").find((port) => numberAt(port, "nodePort") === nodePort);
    if (entry && nodePort !== undefined) return numberAt(entry, "targetPort") ?? numberAt(entry, "port");
  }
  return undefined;
}
