import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { exec } from "../../../../host/exec";
import { controlGroups } from "../../../../modules/cost/objects";
import type { VerifyContext } from "../../../../verify/context";
import { Meter, meteredIn, parseUsage } from "../../../../verify/cost/usage";
import { PreconditionError } from "../../../../verify/precondition-error";

const id = "5e2b1c9d".repeat(8);
const running = { containerID: `containerd://${id}`, state: { running: {} } };

describe("what proxies use", () => {
  test("version 1 counts nanoseconds, version 2 microseconds, and both count cache that can be dropped", () => {
    const other = "0f".repeat(32);
    const text = [`${id} v2 1500000 104857600 4857600`, `${other} v1 1500000000 104857600 4857600`, "available 8"];
    const usage = { cpuMs: 1_500, memoryBytes: 100_000_000 };
    expect(parseUsage(text.join("\n"))).toEqual(
      new Map([
        [id, usage],
        [other, usage],
      ]),
    );
  });

  test("a line without all numbers is no reading", () => {
    expect(parseUsage(`${id} v2  104857600 4857600\n${id} v1 1 2`)).toEqual(new Map());
  });

  test("an injected proxy is a container, or an init container that keeps running", () => {
    const pod = (status: object) => ({ metadata: { name: "server" }, spec: { nodeName: "worker" }, status });
    const statuses = [{ name: "httpbin", containerID: `containerd://${"a".repeat(64)}` }];
    const expected = { pod: "server", node: "worker", id };
    const proxy = { name: "istio-proxy", ...running };
    expect(meteredIn(pod({ containerStatuses: [...statuses, proxy] }), "istio-proxy")).toEqual(expected);
    expect(meteredIn(pod({ containerStatuses: statuses, initContainerStatuses: [proxy] }), "istio-proxy")).toEqual(
      expected,
    );
    expect(() => meteredIn(pod({ containerStatuses: statuses }), "istio-proxy")).toThrow(PreconditionError);
  });
});

describe("the meter", () => {
  const other = "0f".repeat(32);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  /** A context whose meter is this machine's shell, on a folder in the place of the node's control groups. */
  const contextOn = (root: string) =>
    ({
      clock: { now: () => 7 },
      signal: new AbortController().signal,
      podFinder: { all: () => Promise.resolve([{ name: "meter", node: "worker", ready: true }]) },
      lab: {
        exec: (_pod: unknown, [command = "", ...rest]: readonly string[], timeoutMs: number) =>
          exec(
            command,
            rest.map((each) => (each === controlGroups ? root : each)),
            { timeoutMs },
          ),
      },
    }) as unknown as VerifyContext;
  const metered = (name: string, id: string) => ({ pod: name, node: "worker", id });

  // Names of folders as the kubelet makes them with each of its cgroup drivers (k8s.io/kubernetes v1.34,
  // pkg/kubelet/cm/cgroup_manager_linux.go), and files as the kernel documents them.
  test("reads version 2 of control groups, under the names of systemd", async () => {
    const root = mkdtempSync(join(tmpdir(), "cgroup-"));
    const slice = join(root, "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod1.slice");
    write(join(root, "cgroup.controllers"), "cpu memory\n");
    write(join(slice, `cri-containerd-${id}.scope/cpu.stat`), "usage_usec 2500\nuser_usec 2000\nsystem_usec 500\n");
    write(join(slice, `cri-containerd-${id}.scope/memory.current`), "5000\n");
    write(join(slice, `cri-containerd-${id}.scope/memory.stat`), "anon 3000\nactive_file 500\ninactive_file 1500\n");
    write(join(slice, `crio-conmon-${id}.scope/cpu.stat`), "usage_usec 1\n");
    const reading = await (await Meter.of(contextOn(root))).read([metered("one", id)]);
    expect(reading).toEqual({ at: 7, of: new Map([["one", { cpuMs: 2.5, memoryBytes: 3500 }]]) });
  });

  test("reads version 1 of control groups, under the names of cgroupfs", async () => {
    const root = mkdtempSync(join(tmpdir(), "cgroup-"));
    for (const each of [id, other]) {
      write(join(root, `cpuacct/kubepods/burstable/pod1/${each}/cpuacct.usage`), "2500000\n");
      write(join(root, `memory/kubepods/burstable/pod1/${each}/memory.usage_in_bytes`), "5000\n");
      write(
        join(root, `memory/kubepods/burstable/pod1/${each}/memory.stat`),
        "inactive_file 1\ntotal_inactive_file 1500\n",
      );
    }
    const reading = await (await Meter.of(contextOn(root))).read([metered("one", id), metered("two", other)]);
    const usage = { cpuMs: 2.5, memoryBytes: 3500 };
    expect([...reading.of]).toEqual([
      ["one", usage],
      ["two", usage],
    ]);
  });

  test("a container without a control group is no reading", async () => {
    const meter = await Meter.of(contextOn(mkdtempSync(join(tmpdir(), "cgroup-"))));
    await expect(meter.read([metered("one", id)])).rejects.toThrow("no control group of one can be read");
    await expect(meter.read([{ pod: "one", node: "elsewhere", id }])).rejects.toThrow(PreconditionError);
  });

  test("reads the memory that this machine has available", async () => {
    const meter = await Meter.of(contextOn("/"));
    const [, kib] = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? [];
    const available = await meter.availableOn("worker");
    expect(Math.abs(available - Number(kib) * 1024)).toBeLessThan(1024 ** 3);
  });
});
