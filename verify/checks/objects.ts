import { BlockList } from "node:net";
import { objects } from "../../experiments/objects";
import { listAt, numberAt, textAt, textsAt } from "../json";
import type { KubeObject } from "../lab-client";
import { type CheckRun, failed, listed, passed } from "./check";

/** Conditions of an object; an HTTPRoute has them per parent. */
const conditionsOf = (object: KubeObject): readonly unknown[] => [
  ...listAt(object, "status", "conditions"),
  ...listAt(object, "status", "parents").flatMap((parent) => listAt(parent, "conditions")),
];

/** Whether a condition speaks of an earlier object. Istio writes the generation as a number or, at its own kinds, as text. */
const isStale = (object: KubeObject, found: unknown): boolean =>
  (numberAt(found, "observedGeneration") ?? Number.POSITIVE_INFINITY) <
  (numberAt(object, "metadata", "generation") ?? 0);

/** A condition of an object is True, or what else is asked for. */
export const condition: CheckRun<"condition"> = async ({ lab, signal }, detail) => {
  const { layer, ...ref } = objects[detail.object];
  const { status: wanted = "True" } = detail;
  const object = await lab.read(ref, signal);
  const expected = `${detail.object} ${detail.type}=${wanted}${detail.messageIncludes ? `, "${detail.messageIncludes}"` : ""}`;
  if (!object) return [failed(detail.name, layer, `${detail.object} does not exist`, { expected })];
  const found = conditionsOf(object).find((item) => textAt(item, "type") === detail.type);
  const [status, message = ""] = [textAt(found, "status"), textAt(found, "message")];
  const seen = found ? `${detail.type}=${status}: ${message}` : `no condition ${detail.type}`;
  const evidence = [{ source: detail.object, lines: [seen] }];
  const good = status === wanted && message.includes(detail.messageIncludes ?? "");
  if (good && isStale(object, found)) {
    const stale = `${seen}, of an earlier generation than ${numberAt(object, "metadata", "generation")}`;
    return [failed(detail.name, "istiod", stale, { expected: `${expected} of what is there now`, evidence })];
  }
  return [
    good ? passed(detail.name, layer, seen, { evidence }) : failed(detail.name, layer, seen, { expected, evidence }),
  ];
};

/** The gateway's Service has an address, of the lab's pool where the lab brings the load balancer. */
export const address: CheckRun<"address"> = async ({ lab, facts, signal }, { name, pool, advertisement }) => {
  const read = (key: keyof typeof objects) => lab.read(objects[key], signal);
  const [service, poolObject, announced] = await Promise.all([
    read("Service/gateway-istio"),
    read(pool),
    read(advertisement),
  ]);
  const ingress = listAt(service, "status", "loadBalancer", "ingress")[0];
  const ip = textAt(ingress, "ip") ?? textAt(ingress, "hostname");
  if (!facts.versions.metallb) {
    if (ip) return [passed(name, "load-balancer", `address ${ip}`)];
    return [failed(name, "load-balancer", "Service gateway-istio has no address", { expected: "an address" })];
  }
  const ranges = textsAt(poolObject, "spec", "addresses");
  const evidence = [{ source: pool, lines: ranges }];
  const expected = "an address of the announced pool";
  const fail = (seen: string) => [failed(name, "load-balancer", seen, { expected, evidence })];
  if (!poolObject) return fail(`${pool} does not exist`);
  if (!announced) return fail(`${advertisement} does not exist`);
  if (!ip) return fail("Service gateway-istio has no address");
  if (!within(ip, ranges)) return fail(`address ${ip} is outside of ${listed(ranges)}`);
  return [passed(name, "load-balancer", `address ${ip} of ${listed(ranges)}`, { evidence })];
};

function within(ip: string, ranges: readonly string[]): boolean {
  const family = ip.includes(":") ? "ipv6" : "ipv4";
  const list = new BlockList();
  for (const range of ranges.filter((text) => text.includes(":") === (family === "ipv6"))) {
    const [start = "", end] = range.split("-").map((part) => part.trim());
    const [net = "", bits] = start.split("/");
    if (end) list.addRange(start, end, family);
    else list.addSubnet(net, Number(bits ?? (family === "ipv4" ? 32 : 128)), family);
  }
  return list.check(ip, family);
}

/** The Gateway API's definitions are the pinned bundle; Istio accepted its classes. */
export const bundle: CheckRun<"bundle"> = async ({ lab, facts, signal }, { name, channel, classes }) => {
  const apiVersion = "gateway.networking.k8s.io/v1";
  const crd = await lab.read(
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      name: "gateways.gateway.networking.k8s.io",
    },
    signal,
  );
  const annotations = crd?.metadata?.annotations ?? {};
  const version = annotations["gateway.networking.k8s.io/bundle-version"];
  const found = annotations["gateway.networking.k8s.io/channel"];
  const states = await Promise.all(
    classes.map(async (item) => {
      const object = await lab.read({ apiVersion, kind: "GatewayClass", name: item }, signal);
      const accepted = object && conditionsOf(object).find((entry) => textAt(entry, "type") === "Accepted");
      return { item, accepted: textAt(accepted, "status") === "True" };
    }),
  );
  const refused = states.filter(({ accepted }) => !accepted).map(({ item }) => item);
  const seen = `bundle ${version ?? "absent"}, channel ${found ?? "absent"}`;
  const right = version === facts.versions.gatewayApi && found === channel;
  const crds = right
    ? passed(name, "gateway-api", seen)
    : failed(name, "gateway-api", seen, { expected: `${facts.versions.gatewayApi}, ${channel}` });
  const accepted = "Istio accepted its GatewayClasses";
  return [
    crds,
    refused.length === 0
      ? passed(accepted, "istiod", `accepted: ${listed(classes)}`)
      : failed(accepted, "istiod", `not accepted: ${listed(refused)}`, { expected: "Accepted=True" }),
  ];
};
