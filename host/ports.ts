import { createHash } from "node:crypto";
import { createServer } from "node:net";
import type { Exec } from "./exec";

/**
 * The stack's port on 127.0.0.1 when none is configured: the same on every run and, between two stacks, very likely
 * different. 20000 to 29999 lies below the ephemeral ranges of Linux, macOS and Windows.
 */
export function derivedPort(stack: string): number {
  return 20_000 + (createHash("sha256").update(stack).digest().readUInt32BE(0) % 10_000);
}

/** Ports on 127.0.0.1 that the lab publishes its gateway on. */
export interface GatewayPorts {
  httpPort: number;
  /** Published whatever the modules are: a port cannot be added to a cluster that runs. */
  httpsPort: number;
}

/** The configuration keys of {@link GatewayPorts}. */
export const portKeys = ["httpPort", "httpsPort"] as const satisfies readonly (keyof GatewayPorts)[];

/**
 * The stack's ports: the configured ones, else those of its name. The one for HTTPS lies 10000 below {@link derivedPort},
 * 10000 to 19999, so that no lab's takes another lab's for HTTP.
 */
export function gatewayPorts({ httpPort, httpsPort }: Partial<GatewayPorts>, stack: string): GatewayPorts {
  const derived = derivedPort(stack);
  return { httpPort: httpPort ?? derived, httpsPort: httpsPort ?? derived - 10_000 };
}

/** Whether a listener can bind the port on 127.0.0.1 now. */
export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1" }, () => server.close(() => resolve(true)));
  });
}

/**
 * Ports of this machine that other kind clusters have, with the cluster's name: labs of all users and backends of this Docker.
 * A cluster that is paused keeps its ports, and nothing listens on them.
 * @param own name of the cluster whose ports are left out
 */
export async function portsOfOthers(own: string, exec: Exec): Promise<ReadonlyMap<number, string>> {
  const label = "io.x-k8s.kind.cluster";
  const { stdout } = await exec("docker", ["ps", "--all", "--quiet", "--filter", `label=${label}`]);
  const ids = stdout.split("\n").filter(Boolean);
  if (ids.length === 0) return new Map();
  const ports = "{{range .HostConfig.PortBindings}}{{range .}}{{.HostPort}} {{end}}{{end}}";
  const format = `{{index .Config.Labels "${label}"}} ${ports}`;
  const inspected = await exec("docker", ["inspect", "--format", format, ...ids]);
  return new Map(
    inspected.stdout.split("\n").flatMap((line) => {
      const [cluster = "", ...numbers] = line.split(" ").filter(Boolean);
      return cluster === own ? [] : numbers.map((number): [number, string] => [Number(number), cluster]);
    }),
  );
}
