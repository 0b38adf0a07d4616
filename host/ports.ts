import { createHash } from "node:crypto";
import { createServer } from "node:net";
import type { Exec } from "./exec";
import { kindClusterLabel, listNodes } from "./kind-nodes";

/**
 * Port on 127.0.0.1 of a stack without a configured port, derived from its name. The range 20000 to 29999 is below the
 * ephemeral ports of Linux, macOS and Windows.
 */
export function derivedPort(stack: string): number {
  return 20_000 + (createHash("sha256").update(stack).digest().readUInt32BE(0) % 10_000);
}

/** Ports on 127.0.0.1 that the lab publishes its gateway on. */
export interface GatewayPorts {
  httpPort: number;
  /** Always published: a port cannot be added to a running cluster, and a module may need it later. */
  httpsPort: number;
}

/** The configuration keys of {@link GatewayPorts}. */
export const portKeys = ["httpPort", "httpsPort"] as const satisfies readonly (keyof GatewayPorts)[];

/**
 * The stack's ports: the configured ports, or ports derived from its name. The HTTPS port is 10000 less than
 * {@link derivedPort}, so that it never equals the HTTP port of another lab.
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
 * Ports of this machine that the nodes of other kind clusters publish, with the names of the clusters. Those of a paused
 * cluster are included: it needs them again, although nothing listens on them.
 * @param own name of the cluster whose ports are left out
 */
export async function portsOfOthers(own: string, exec: Exec): Promise<ReadonlyMap<number, string>> {
  const { stdout } = await listNodes(exec, "{{.ID}}");
  const ids = stdout.split("\n").filter(Boolean);
  if (ids.length === 0) return new Map();
  const ports = "{{range .HostConfig.PortBindings}}{{range .}}{{.HostPort}} {{end}}{{end}}";
  const format = `{{index .Config.Labels "${kindClusterLabel}"}} ${ports}`;
  const inspected = await exec("docker", ["inspect", "--format", format, ...ids]);
  return new Map(
    inspected.stdout.split("\n").flatMap((line) => {
      const [cluster = "", ...words] = line.split(" ").filter(Boolean);
      const ports = words.filter((word) => /^\d{1,5}$/.test(word));
      return cluster === own ? [] : ports.map((port): [number, string] => [Number(port), cluster]);
    }),
  );
}
