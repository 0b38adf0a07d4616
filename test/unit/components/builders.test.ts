import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { folderHash } from "../../../components/app-image";
import { type CallerRules, l7PolicySpec } from "../../../components/authorization";
import { gatewayNodePorts, kindConfig } from "../../../components/kind-config";
import { addressRange } from "../../../components/metallb";
import { faultSpec } from "../../../components/policies";

describe("kindConfig", () => {
  const config = (args: Parameters<typeof kindConfig>[0]) => JSON.parse(kindConfig(args));

  test("kindConfig() has one control plane and the workers", () => {
    const { nodes } = config({ workers: 3, httpPort: 21_000, httpsPort: 11_000 });
    expect(nodes.map(({ role }: { role: string }) => role)).toEqual(["control-plane", "worker", "worker", "worker"]);
  });

  test("kindConfig() publishes the gateway on 127.0.0.1 alone, once for each protocol", () => {
    const { nodes, networking } = config({ workers: 2, httpPort: 21_000, httpsPort: 11_000 });
    expect(nodes.flatMap((node: { extraPortMappings?: unknown[] }) => node.extraPortMappings ?? [])).toEqual([
      { containerPort: gatewayNodePorts.http, hostPort: 21_000, listenAddress: "127.0.0.1", protocol: "TCP" },
      { containerPort: gatewayNodePorts.https, hostPort: 11_000, listenAddress: "127.0.0.1", protocol: "TCP" },
    ]);
    expect(networking).toMatchObject({ apiServerAddress: "127.0.0.1", ipFamily: "ipv4" });
    expect(kindConfig({ workers: 2, httpPort: 21_000, httpsPort: 11_000 })).not.toContain("0.0.0.0");
  });

  // containerd v2.1.3 internal/cri/config/config_unix.go has no default for config_path, v2.2.0 has one; the base of kind's
  // node images has 2.1.3 in v0.30.0 and 2.2.0 in v0.31.0 (images/base/Dockerfile).
  test("kindConfig() makes containerd of every node image read the mirrors", () => {
    const mirrored = config({ workers: 1, httpPort: 21_000, httpsPort: 11_000, certsDir: "/stack/certs.d" });
    expect(mirrored.containerdConfigPatches).toEqual([
      '[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"',
    ]);
    expect(config({ workers: 1, httpPort: 21_000, httpsPort: 11_000 })).not.toHaveProperty("containerdConfigPatches");
  });

  test("kindConfig() mounts the registry mirrors into every node, read-only", () => {
    const { nodes } = config({ workers: 2, httpPort: 21_000, httpsPort: 11_000, certsDir: "/stack/certs.d" });
    for (const { extraMounts } of nodes) {
      expect(extraMounts).toEqual([
        { hostPath: "/stack/certs.d", containerPath: "/etc/containerd/certs.d", readOnly: true },
      ]);
    }
    expect(kindConfig({ workers: 2, httpPort: 21_000, httpsPort: 11_000 })).not.toContain("extraMounts");
  });
});

describe("addressRange", () => {
  test.each([
    ["172.30.0.0/16", "172.30.255.200-172.30.255.250"],
    ["172.30.5.0/24", "172.30.5.200-172.30.5.250"],
    ["10.0.0.0/8", "10.255.255.200-10.255.255.250"],
    ["192.168.0.0/28", "192.168.0.11-192.168.0.14"],
    ["192.168.0.64/26", "192.168.0.111-192.168.0.126"],
    ["172.30.5.17/24", "172.30.5.200-172.30.5.250"],
  ])("addressRange() of %s is %s", (subnet, range) => {
    expect(addressRange(subnet)).toBe(range);
  });

  test("addressRange() refuses a subnet that has no room for a pool", () => {
    expect(() => addressRange("172.30.0.0/29")).toThrow("at least 16 addresses");
  });
});

describe("l7PolicySpec", () => {
  const base: CallerRules = { allowedCallers: ["appa", "gateway"], allowedMethods: ["GET", "HEAD"] };

  test("l7PolicySpec() names callers by their identity, on Service appb", () => {
    expect(l7PolicySpec(base)).toEqual({
      targetRefs: [{ group: "", kind: "Service", name: "appb" }],
      action: "ALLOW",
      rules: [
        {
          from: [
            {
              source: {
                principals: ["cluster.local/ns/default/sa/appa", "cluster.local/ns/default/sa/gateway-istio"],
              },
            },
          ],
          to: [{ operation: { methods: ["GET", "HEAD"] } }],
        },
      ],
    });
  });

  test("l7PolicySpec() without a caller allows nobody: no rule, and not an empty one that would match all", () => {
    expect(l7PolicySpec({ ...base, allowedCallers: [] })).toEqual({
      targetRefs: [{ group: "", kind: "Service", name: "appb" }],
      action: "ALLOW",
    });
  });
});

test("faultSpec() delays a share of one path and lets every other path through", () => {
  const { hosts, http } = faultSpec({ path: "/headers", delay: "2s", percent: 50 });
  const route = [{ destination: { host: "appb", port: { number: 8000 } } }];
  expect(hosts).toEqual(["appb"]);
  expect(http).toEqual([
    {
      match: [{ uri: { prefix: "/headers" } }],
      fault: { delay: { fixedDelay: "2s", percentage: { value: 50 } } },
      route,
    },
    { route },
  ]);
});

test("folderHash() changes with a file's name and content, and with nothing else", () => {
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), "ambient-lab-hash-")));
  const [one = "", two = ""] = folders;
  const write = (folder: string, name: string, text: string) => writeFileSync(join(folder, name), text);
  for (const folder of folders) write(folder, "Dockerfile", "FROM scratch");
  const before = folderHash(one);
  expect(before).toMatch(/^[0-9a-f]{12}$/);
  expect(folderHash(two)).toBe(before);
  write(two, "Dockerfile", "FROM alpine");
  expect(folderHash(two)).not.toBe(before);
  write(one, "extra", "");
  expect(folderHash(one)).not.toBe(before);
  for (const folder of folders) rmSync(folder, { recursive: true });
});
