import { isDeepStrictEqual } from "node:util";
import { objects } from "../../experiments/objects";
import { at } from "../json";
import { type CheckRun, failed, listed, passed } from "./check";

/** Both objects of each pair have the same spec as a whole, apart from one name in it. */
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

/** The pairs of names in which two specs differ; undefined when they differ in anything else. */
function renames(one: unknown, other: unknown, field = ""): [unknown, unknown][] | undefined {
  if (isDeepStrictEqual(one, other)) return [];
  if (typeof one === "string" && typeof other === "string") return nameFields.has(field) ? [[one, other]] : undefined;
  if (typeof one !== "object" || typeof other !== "object" || Array.isArray(one) !== Array.isArray(other))
    return undefined;
  const keys = [...new Set([...Object.keys(Object(one)), ...Object.keys(Object(other))])];
  const parts = keys.map((key) => renames(at(one, key), at(other, key), Array.isArray(one) ? field : key));
  return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part ?? []);
}

/** Whether two specs are the same but for one name, which is another one throughout. */
function isSame(one: unknown, other: unknown): boolean {
  const pairs = renames(one, other);
  return pairs?.every((pair) => isDeepStrictEqual(pair, pairs[0])) ?? false;
}
