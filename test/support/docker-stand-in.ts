import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type Exec, exec } from "../../host/exec";

/** A network of the stand-in, with the labels of a lab. */
export interface StandInNetwork {
  id: string;
  name: string;
  stack?: string;
  owner?: string;
  organization?: string;
}

/** A node container of a kind cluster. */
interface StandInNode {
  name: string;
  cluster: string;
  /** Name of its network. */
  network: string;
  /** ID of the network at the last start of the container, which Docker keeps (`NetworkSettings.Networks`). */
  networkId: string;
  /** @default "running" */
  state?: "running" | "exited";
}

/** A container or volume of an image cache. */
interface StandInCache {
  kind: "container" | "volume";
  name: string;
  /** Value of the label `ambient-lab.cache`; absent if no lab created it. */
  label?: string;
  /** Network of a container, in addition to Docker's default network. */
  network?: string;
}

/** Stand-ins for docker and kind with common networks and nodes, for commands and for the scripts of the components. */
export interface DockerStandIn {
  /** PATH that begins with the stand-ins; `ps` lists no process. */
  readonly path: string;
  /** Runs programs with this PATH. */
  readonly exec: Exec;
  /** The current networks, nodes and caches, a line each. */
  things(): string[];
  /** Names of the running nodes. */
  running(): string[];
}

/** The networks, nodes and caches of a Docker. */
export interface StandInThings {
  networks?: readonly StandInNetwork[];
  nodes?: readonly StandInNode[];
  caches?: readonly StandInCache[];
}

/** Creates stand-ins whose Docker has these networks, nodes and caches. */
export function dockerStandIn({ networks = [], nodes = [], caches = [] }: StandInThings): DockerStandIn {
  const folder = mkdtempSync(join(tmpdir(), "lab-docker-"));
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const write = (file: string, rows: readonly string[][]) =>
    writeFileSync(join(folder, file), rows.map((row) => `${row.join("\t")}\n`).join(""));
  const networkRow = ({ id, name, stack = "", owner = "", organization = "" }: StandInNetwork) => {
    return [id, name, stack, owner, organization];
  };
  write("networks", [["id-bridge", "bridge", "", "", ""], ...networks.map(networkRow)]);
  write(
    "nodes",
    nodes.map(({ name, cluster, network, networkId, state = "running" }) => [
      ...[name, cluster, network, networkId, state],
    ]),
  );
  write(
    "caches",
    caches.map(({ kind, name, label = "", network = "" }) => [kind, name, label, network]),
  );
  const program = (name: string, text: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\ncd '${folder}'\n${text}`, { mode: 0o755 });
  for (const name of ["docker", "kind"]) program(name, readFileSync(join(__dirname, `stand-in-${name}.sh`), "utf8"));
  program("pulumi", "echo v3.259.0\n");
  program("ps", "");
  const path = [bin, process.env.PATH].join(delimiter);
  const rows = (file: string) => readFileSync(join(folder, file), "utf8").split("\n").filter(Boolean);
  return {
    path,
    exec: (file, args, options) => exec(file, args, { ...options, env: { ...options?.env, PATH: path } }),
    things: () => ["networks", "nodes", "caches"].flatMap(rows),
    running: () => rows("nodes").flatMap((row) => (row.endsWith("\trunning") ? [row.split("\t")[0] ?? ""] : [])),
  };
}
