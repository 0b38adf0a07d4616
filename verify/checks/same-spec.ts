import { isDeepStrictEqual } from "node:util";
import { objects } from "../../experiments/objects";
import { at, listAt } from "../json";
import type { KubeObject } from "../lab-client";
import { type CheckRun, failed, listed, passed } from "./check";

/** Both objects of each pair have the same spec, apart from the names in it. */
export const sameSpec: CheckRun<"same-spec"> = async ({ lab, signal }, { name, pairs }) => {
  const found = await Promise.all(
    pairs.map(async ([one, other]) => {
      const [a, b] = await Promise.all([one, other].map((each) => lab.read(objects[each], signal)));
      return { one, other, spec: a && specOf(a), control: b && specOf(b) };
    }),
  );
  const evidence = found.map(({ one, other, spec, control }) => ({
    source: `${one} and ${other}`,
    lines: [spec, control].map((each) => (each ? JSON.stringify(each) : "does not exist")),
  }));
  const different = found.find(({ spec, control }) => !spec || !isDeepStrictEqual(spec, control));
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

/** The spec without names: the rules of a policy, and the matches and actions of routes. */
const specOf = (object: KubeObject): unknown => ({
  action: at(object, "spec", "action"),
  rules: listAt(object, "spec", "rules").map((rule) => ({ ...Object(rule), backendRefs: undefined })),
  http: listAt(object, "spec", "http").map((route) => ({ ...Object(route), route: undefined })),
});
