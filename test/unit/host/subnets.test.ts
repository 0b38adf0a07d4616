import { expect, test } from "vitest";
import { dockerPools, freeSubnet, overlap, readRoutes } from "../../../host/subnets";

test.each([
  ["172.30.0.0/24", "172.30.0.0/16", true],
  ["10.96.0.0/12", "10.96.0.0/16", true],
  ["172.31.0.0/16", "172.30.0.0/16", false],
  ["fd00::/64", "172.30.0.0/16", false],
])("overlap() of %s and %s is %s", (a, b, expected) => {
  expect(overlap(a, b)).toBe(expected);
});

// Columns of /proc/net/route: torvalds/linux net/ipv4/fib_trie.c, fib_route_seq_show().
test("readRoutes() reads the host's routes without default routes and Docker's networks", () => {
  const row = (...cells: string[]) => [...cells, "0001", "0", "0", "0"].join("\t");
  const table = [
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
    `${row("eth0", "00000000", "010200C0")}\t00000000\t0\t0\t0`,
    `${row("tun0", "00000000", "0100080A")}\t00000080\t0\t0\t0`,
    `${row("docker0", "000011AC", "00000000")}\t0000FFFF\t0\t0\t0`,
    `${row("br-4d0b16fa27bb", "000014AC", "00000000")}\t0000FFFF\t0\t0\t0`,
    `${row("eth0", "000200C0", "00000000")}\t00FFFFFF\t0\t0\t0`,
    `${row("tun0", "0000000A", "0100080A")}\t000000FF\t0\t0\t0`,
    "",
  ].join("\n");
  expect(readRoutes(table)).toEqual([
    { interface: "eth0", subnet: "192.0.2.0/24", onLink: true },
    { interface: "tun0", subnet: "10.0.0.0/8", onLink: false },
  ]);
});

test("freeSubnet() takes the first that nobody has", () => {
  expect(freeSubnet(dockerPools, [])).toBe("172.17.0.0/16");
  expect(freeSubnet(dockerPools, ["172.16.0.0/12"])).toBe("192.168.0.0/20");
  expect(freeSubnet(dockerPools, ["172.16.0.0/12", "192.168.0.0/17", "192.168.130.0/24"])).toBe("192.168.144.0/20");
  expect(freeSubnet(dockerPools, ["172.16.0.0/12", "192.168.0.0/16"])).toBeUndefined();
  expect(freeSubnet([{ base: "fd00::/48", size: 64 }], [])).toBeUndefined();
});
