import ipaddr from "ipaddr.js";
import { at, isKind, listAt, type Manifest, nameOf, textsAt } from "./manifest";

const pinnedBy = ["metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"];
const pooledBy = ["metallb.io/address-pool", "metallb.universe.tf/address-pool"];

/** Services and Gateways whose address may be outside of the lab's pools: it may belong to another lab or network. */
export function outsideThePool(objects: readonly Manifest[]): string[] {
  const pools = objects.filter((object) => isKind(object, "metallb.io", "IPAddressPool"));
  return objects.filter(isExposed).flatMap((object) => {
    const name = nameOf(object);
    const wanted = addressesOf(object);
    const pool = firstOf(object, pooledBy);
    const known = pools.some(({ metadata }) => metadata?.name === pool);
    if (pool !== undefined && !known) return [`${name} asks for pool "${pool}", which the lab does not declare`];
    // A Gateway without a request gets an address from the cluster's load balancer.
    if (wanted.length === 0 && (pools.length > 0 || object.kind === "Gateway")) return [];
    if (pools.length === 0) return [`${name} asks for a load balancer, but the lab declares no IPAddressPool`];
    const ranges = () => pools.flatMap((each) => textsAt(each.spec, "addresses"));
    return wanted
      .filter((address) => !ranges().some((range) => contains(range, address)))
      .map((address) => `${name} asks for address ${address}, which is in no IPAddressPool of the lab`);
  });
}

/** Whether an object is or becomes a Service of type LoadBalancer: Istio creates one for each Gateway, except waypoints. */
function isExposed(object: Manifest): boolean {
  if (isKind(object, "", "Service")) return at(object.spec, "type") === "LoadBalancer";
  return isKind(object, "gateway.networking.k8s.io", "Gateway") && at(object.spec, "gatewayClassName") === "istio";
}

function addressesOf(object: Manifest): string[] {
  const given = at(object.spec, "loadBalancerIP");
  const annotated = firstOf(object, pinnedBy)?.split(",") ?? [];
  const values = listAt(object.spec, "addresses").flatMap((each) => {
    const value = at(each, "value");
    return typeof value === "string" ? [value] : [];
  });
  return [...(typeof given === "string" && given ? [given] : []), ...annotated.map((each) => each.trim()), ...values];
}

const firstOf = ({ metadata }: Manifest, keys: readonly string[]): string | undefined =>
  keys.map((key) => metadata?.annotations?.[key]).find((value) => value !== undefined);

/** Whether a range, "first-last" or a CIDR, contains an address. */
function contains(range: string, address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (range.includes("/")) {
    const [network, bits] = ipaddr.parseCIDR(range);
    return network.kind() === parsed.kind() && parsed.match([network, bits]);
  }
  const [first, last] = range.split("-").map((end) => ipaddr.parse(end.trim()).toByteArray());
  const bytes = parsed.toByteArray();
  if (!first || !last || first.length !== bytes.length) return false;
  return compare(first, bytes) <= 0 && compare(bytes, last) <= 0;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((byte, index) => byte !== b[index]);
  return differs < 0 ? 0 : (a[differs] ?? 0) - (b[differs] ?? 0);
}
