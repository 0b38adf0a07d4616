import ipaddr from "ipaddr.js";

/** Whether two IPv4 subnets share addresses; false if one of the texts is no IPv4 subnet. */
export function overlap(a: string, b: string): boolean {
  if (!ipaddr.IPv4.isValidCIDR(a) || !ipaddr.IPv4.isValidCIDR(b)) return false;
  const [first, second] = [ipaddr.IPv4.parseCIDR(a), ipaddr.IPv4.parseCIDR(b)];
  return first[0].match(second[0], Math.min(first[1], second[1]));
}

/** A route of a Linux host. */
export interface Route {
  interface: string;
  subnet: string;
  /** Whether the route has no gateway. */
  onLink: boolean;
}

/**
 * Routes of this machine, without the default route and the routes of Docker networks.
 * @param table content of /proc/net/route, in which addresses are little-endian hexadecimal numbers
 */
export function readRoutes(table: string): Route[] {
  return table.split("\n").flatMap((line) => {
    const [name = "", destination, gateway, , , , , mask] = line.split("\t");
    if (!destination || !mask || ![destination, mask].every(isAddress) || mask === "00000000") return [];
    if (/^(docker\d|docker_gwbridge|br-[0-9a-f]{12})/.test(name)) return [];
    // A VPN for all traffic replaces the default route by two routes to halves of the address space.
    if (mask === "00000080") return [];
    const bits = [...Number.parseInt(mask, 16).toString(2)].filter((bit) => bit === "1").length;
    return [{ interface: name, subnet: `${address(destination)}/${bits}`, onLink: gateway === "00000000" }];
  });
}

const isAddress = (text: string): boolean => /^[0-9A-F]{8}$/.test(text);

const address = (hex: string): string =>
  [...Buffer.from(hex, "hex")]
    .reverse()
    .map((byte) => String(byte))
    .join(".");

/** A range from which Docker assigns subnets to networks. */
export interface AddressPool {
  base: string;
  /** Prefix length of each subnet, in bits. */
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

/** First subnet of the pools that overlaps with no taken subnet; undefined when there is none. */
export function freeSubnet(pools: readonly AddressPool[], taken: readonly string[]): string | undefined {
  for (const { base, size } of pools) {
    if (!ipaddr.IPv4.isValidCIDR(base)) continue;
    const [start, prefix] = ipaddr.IPv4.parseCIDR(base);
    const first = addressNumber(start);
    for (let index = 0; index < 2 ** Math.max(0, size - prefix); index += 1) {
      const subnet = `${addressText(first + index * 2 ** (32 - size))}/${size}`;
      if (!taken.some((other) => overlap(other, subnet))) return subnet;
    }
  }
  return undefined;
}

/** An IPv4 address as a 32-bit number. */
export const addressNumber = (address: ipaddr.IPv4): number =>
  address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);

/** The IPv4 address of a 32-bit number. */
export const addressText = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
