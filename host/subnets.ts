import ipaddr from "ipaddr.js";

/** Whether two IPv4 subnets share addresses; false for what is no IPv4 subnet. */
export function overlap(a: string, b: string): boolean {
  if (!ipaddr.IPv4.isValidCIDR(a) || !ipaddr.IPv4.isValidCIDR(b)) return false;
  const [first, second] = [ipaddr.IPv4.parseCIDR(a), ipaddr.IPv4.parseCIDR(b)];
  return first[0].match(second[0], Math.min(first[1], second[1]));
}

/** A route of a Linux host. */
export interface Route {
  interface: string;
  subnet: string;
  /** Whether it leads to neighbours, without a gateway. */
  onLink: boolean;
}

/**
 * Routes of this machine's own, without the default route and those of Docker's networks.
 * @param table content of /proc/net/route: addresses are hexadecimal numbers in the order of the machine, little-endian
 */
export function readRoutes(table: string): Route[] {
  return table.split("\n").flatMap((line) => {
    const [name = "", destination, gateway, , , , , mask] = line.split("\t");
    if (!destination || !mask || !/^[0-9A-F]{8}$/.test(mask) || mask === "00000000") return [];
    if (/^(docker\d|docker_gwbridge|br-[0-9a-f]{12})/.test(name)) return [];
    // A VPN for all traffic replaces the default route by two halves of the address space.
    if (mask === "00000080") return [];
    const bits = [...Number.parseInt(mask, 16).toString(2)].filter((bit) => bit === "1").length;
    return [{ interface: name, subnet: `${address(destination)}/${bits}`, onLink: gateway === "00000000" }];
  });
}

const address = (hex: string): string =>
  [...Buffer.from(hex, "hex")]
    .reverse()
    .map((byte) => String(byte))
    .join(".");

/** A range out of which Docker gives networks their subnets, each of `size` bits. */
export interface AddressPool {
  base: string;
  size: number;
}

/** Pools of a Docker without `default-address-pools` (moby v28.0.0 libnetwork/ipamutils/utils.go). */
export const dockerPools: readonly AddressPool[] = [
  { base: "172.17.0.0/16", size: 16 },
  { base: "172.18.0.0/16", size: 16 },
  { base: "172.19.0.0/16", size: 16 },
  { base: "172.20.0.0/14", size: 16 },
  { base: "172.24.0.0/14", size: 16 },
  { base: "172.28.0.0/14", size: 16 },
  { base: "192.168.0.0/16", size: 20 },
];

/** The first subnet of the pools that shares no address with those that are taken; undefined when none is left. */
export function freeSubnet(pools: readonly AddressPool[], taken: readonly string[]): string | undefined {
  for (const { base, size } of pools) {
    if (!ipaddr.IPv4.isValidCIDR(base)) continue;
    const [start, prefix] = ipaddr.IPv4.parseCIDR(base);
    const first = start.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
    for (let index = 0; index < 2 ** Math.max(0, size - prefix); index += 1) {
      const at = first + index * 2 ** (32 - size);
      const bytes = [24, 16, 8, 0].map((shift) => Math.floor(at / 2 ** shift) % 256);
      const subnet = `${bytes.join(".")}/${size}`;
      if (!taken.some((other) => overlap(other, subnet))) return subnet;
    }
  }
  return undefined;
}
