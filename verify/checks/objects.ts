import { BlockList } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { objects } from "../../experiments/objects";
import { othersOf } from "../diagnosis/others";
import { at, listAt, numberAt, textAt, textsAt } from "../json";
import type { KubeObject } from "../lab-client";
import { type CheckRun, failed, listed, passed, unclear } from "./check";

/** Conditions of an object; an HTTPRoute has them per parent. */
const conditionsOf = (object: KubeObject): readonly unknown[] => [
  ...listAt(object, "status", "conditions"),
  ...listAt(object, "status", "parents").flatMap((parent) => listAt(parent, "conditions")),
];

/** Whether a condition is of an earlier generation. Istio writes the generation as a number or, for its own kinds, as a string. */
const isStale = (object: KubeObject, found: unknown): boolean =>
  (numberAt(found, "observedGeneration") ?? Number.POSITIVE_INFINITY) <
  (numberAt(object, "metadata", "generation") ?? 0);

/** Verifies that a condition of an object has the expected status, by default True. */
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
    return [failed(detail.name, "istiod", stale, { expected: `${expected} of the current generation`, evidence })];
  }
  return [
    good ? passed(detail.name, layer, seen, { evidence }) : failed(detail.name, layer, seen, { expected, evidence }),
  ];
};

/** Verifies that the gateway's Service has an address; with the lab's load balancer, an address of its pool. */
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

/** Verifies that the CRDs of the Gateway API are of the pinned bundle, and that Istio accepted its GatewayClasses. */
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

/** Verifies that both objects of each pair have the same spec, except for one name. */
export const sameSpec: CheckRun<"same-spec"> = async ({ lab, signal }, { name, pairs }) => {
  const found = await Promise.all(
    pairs.map(async ([one, other]) => {
      const [a, b] = await Promise.all([one, other].map((each) => lab.read(objects[each], signal)));
      return { one, other, spec: a?.spec, control: b?.spec };
    }),
  );
  const evidence = found.map(({ one, other, spec, control }) => ({
    source: `${one} and ${other}`,
    lines: [spec, control].map((each) => (each ? JSON.stringify(each) : "does not exist")),
  }));
  const different = found.find(({ spec, control }) => !spec || !control || !isSame(spec, control));
  if (!different)
    return [passed(name, "waypoint", listed(found.map(({ one, other }) => `${one} as ${other}`)), { evidence })];
  const expected = `the same rules in ${different.one} and ${different.other}`;
  return [
    failed(name, objects[different.one].layer, `${different.one} and ${different.other} have different specs`, {
      expected,
      evidence,
    }),
  ];
};

/** Fields that hold the name of an object or of a host. */
const nameFields = new Set(["name", "host", "hosts"]);

/** The pairs of names in which two specs differ; undefined when they differ in other fields. */
function renames(one: unknown, other: unknown, field = ""): [unknown, unknown][] | undefined {
  if (isDeepStrictEqual(one, other)) return [];
  if (typeof one === "string" && typeof other === "string") return nameFields.has(field) ? [[one, other]] : undefined;
  if (typeof one !== "object" || typeof other !== "object" || Array.isArray(one) !== Array.isArray(other))
    return undefined;
  const keys = [...new Set([...Object.keys(Object(one)), ...Object.keys(Object(other))])];
  const parts = keys.map((key) => renames(at(one, key), at(other, key), Array.isArray(one) ? field : key));
  return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part ?? []);
}

/** Whether two specs differ in one name only, which is replaced in the same way in every place. */
function isSame(one: unknown, other: unknown): boolean {
  const pairs = renames(one, other);
  return pairs?.every((pair) => isDeepStrictEqual(pair, pairs[0])) ?? false;
}

/** Verifies that no object of others affects the lab's traffic. Further objects of others are reported as drift. */
export const noOthers: CheckRun<"no-others"> = async (context, { name }) => {
  const { found, unlisted } = await othersOf(context);
  const [first, ...more] = found.filter(({ decisive }) => decisive).map(({ cause }) => cause);
  if (!first && unlisted.length > 0) {
    const seen = `the login may not list ${unlisted.join(", ")} in all namespaces: such objects may affect the lab's traffic`;
    return [unclear(name, "api-server", seen, { expected: "the right to list these in all namespaces" })];
  }
  if (!first) return [passed(name, "api-server", "only objects of the stack affect the lab's traffic")];
  const evidence = [{ source: "objects of others", lines: [first, ...more].map(({ what }) => what) }];
  const expected = "the objects of the stack alone";
  return [failed(name, first.layer, [first, ...more].map(({ what }) => what).join("; "), { expected, evidence })];
};
