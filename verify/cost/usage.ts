import { controlGroups, meter } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { listAt, textAt } from "../json";
import type { KubeObject } from "../lab-client";
import type { LabPod } from "../pods";
import { PreconditionError, unobservable } from "../precondition-error";

/** A container whose CPU and memory usage is read. */
export interface Metered {
  /** Name of the pod. */
  pod: string;
  node: string;
  /** ID of the container runtime. */
  id: string;
}

/** CPU and memory usage of a container. */
export interface Usage {
  /** CPU time since the start of the container, in milliseconds. */
  cpuMs: number;
  /** Working set in bytes, as the kubelet computes it: memory without the inactive page cache. */
  memoryBytes: number;
}

/** The usage of containers by the name of their pod, with the time of the reading. */
export interface Reading {
  at: number;
  of: ReadonlyMap<string, Usage>;
}

/**
 * A container of a pod, with the ID of the container runtime. A native sidecar is an init container that keeps running.
 * @throws PreconditionError when it does not run
 */
export function meteredIn(pod: KubeObject, container: string): Metered {
  const statuses = [...listAt(pod, "status", "containerStatuses"), ...listAt(pod, "status", "initContainerStatuses")];
  const status = statuses.find((each) => textAt(each, "name") === container);
  const id = /^[a-z-]+:\/\/([0-9a-f]{64})$/.exec(textAt(status, "containerID") ?? "")?.[1];
  const name = pod.metadata?.name ?? "";
  if (!id) throw new PreconditionError("nodes", `container ${container} of ${name} does not run`);
  return { pod: name, node: textAt(pod, "spec", "nodeName") ?? "", id };
}

/**
 * Prints a line for each container id: `ID v2 MICROSECONDS BYTES INACTIVE` with version 2 of control groups, and
 * `ID v1 NANOSECONDS BYTES INACTIVE` with version 1 (Linux: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/cpuacct.rst
 * and cgroup-v1/memory.rst). The last line is the memory that is available on the node, in KiB.
 */
const script = [
  'root=$1; shift; number() { while read -r key value; do [ "$key" != "$1" ] || echo "$value"; done; }',
  'place() { find "$1" -type d -name "*$2*" ! -name "*conmon*" 2>/dev/null | while read -r each; do echo "$each"; break; done; }',
  "for id do",
  'if [ -e "$root/cgroup.controllers" ]; then dir=$(place "$root" "$id")',
  'echo "$id v2 $(number usage_usec <"$dir/cpu.stat") $(cat "$dir/memory.current") $(number inactive_file <"$dir/memory.stat")"',
  'else cpu=$(place "$root/cpuacct" "$id"); dir=$(place "$root/memory" "$id")',
  'echo "$id v1 $(cat "$cpu/cpuacct.usage") $(cat "$dir/memory.usage_in_bytes") $(number total_inactive_file <"$dir/memory.stat")"',
  "fi; done",
  'while read -r key value _; do [ "$key" != MemAvailable: ] || echo "available $value"; done </proc/meminfo',
].join("\n");

/** Reads the control groups of the nodes, through the pods of the DaemonSet `cost-meter`. */
export class Meter {
  readonly #context: VerifyContext;
  readonly #pods: ReadonlyMap<string, LabPod>;

  private constructor(context: VerifyContext, pods: ReadonlyMap<string, LabPod>) {
    this.#context = context;
    this.#pods = pods;
  }

  /** Finds the pods of the meter. */
  static async of(context: VerifyContext): Promise<Meter> {
    const pods = (await context.podFinder.all(meter, context.signal)).filter(({ ready }) => ready);
    return new Meter(context, new Map(pods.map((pod) => [pod.node, pod])));
  }

  /**
   * The usage of containers, one call for each node.
   * @throws PreconditionError when one of them has no readable control group
   */
  async read(containers: readonly Metered[]): Promise<Reading> {
    const nodes = [...new Set(containers.map(({ node }) => node))];
    const texts = await Promise.all(
      nodes.map((node) =>
        this.#run(
          node,
          containers.filter((each) => each.node === node).map(({ id }) => id),
        ),
      ),
    );
    const usage = parseUsage(texts.join("\n"));
    const of = new Map<string, Usage>();
    for (const { pod, id } of containers) {
      const found = usage.get(id);
      if (!found) throw unobservable("nodes", `no control group of ${pod} can be read`);
      of.set(pod, found);
    }
    return { at: this.#context.clock.now(), of };
  }

  /** Whether the DaemonSet has a pod on a node; it has none on a control-plane node with a NoSchedule taint. */
  covers = (node: string): boolean => this.#pods.has(node);

  /** Memory in bytes that is available for new processes on a node without swapping. */
  async availableOn(node: string): Promise<number> {
    const kib = /^available (\d+)$/m.exec(await this.#run(node, []))?.[1];
    if (kib) return Number(kib) * 1024;
    throw unobservable("nodes", `the memory of ${node} cannot be read`);
  }

  async #run(node: string, ids: readonly string[]): Promise<string> {
    const pod = this.#pods.get(node);
    if (!pod) throw new PreconditionError("nodes", `no ready pod of ${meter} on ${node}`);
    const command = ["sh", "-c", script, "meter", controlGroups, ...ids];
    return (await this.#context.lab.exec(pod, command, 20_000, this.#context.signal)).stdout;
  }
}

/** Parses the output of the script. A line without all numbers is omitted. */
export function parseUsage(text: string): Map<string, Usage> {
  const lines = [...text.matchAll(/^([0-9a-f]{64}) (v[12]) (\d+) (\d+) (\d+)$/gm)];
  return new Map(
    lines.map(([, id = "", version, cpu, bytes, inactive]) => [
      id,
      {
        cpuMs: Number(cpu) / (version === "v2" ? 1_000 : 1_000_000),
        // The page cache can change between the two reads.
        memoryBytes: Math.max(0, Number(bytes) - Number(inactive)),
      },
    ]),
  );
}
