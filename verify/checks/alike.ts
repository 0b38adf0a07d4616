import { isDeepStrictEqual } from "node:util";
import { objects } from "../../experiments/objects";
import { at, listAt } from "../json";
import type { KubeObject } from "../lab-client";
import { type CheckRun, failed, listed, passed } from "./check";

/** Objects say the same as those that they are compared with, but for whom it is for. */
export const alike: CheckRun<"alike"> = async ({ lab, signal }, { name, pairs }) => {
  const found = await Promise.all(
    pairs.map(async ([one, other]) => {
      const [a, b] = await Promise.all([one, other].map((each) => lab.read(objects[each], signal)));
      return { one, other, said: a && sayings(a), control: b && sayings(b) };
    }),
  );
  const evidence = found.map(({ one, other, said, control }) => ({
    source: `${one} and ${other}`,
    lines: [said, control].map((words) => (words ? JSON.stringify(words) : "does not exist")),
  }));
  const odd = found.find(({ said, control }) => !said || !isDeepStrictEqual(said, control));
  if (!odd)
    return [passed(name, "waypoint", listed(found.map(({ one, other }) => `${one} as ${other}`)), { evidence })];
  const expected = `the same rules in ${odd.one} and ${odd.other}`;
  return [
    failed(name, objects[odd.one].layer, `${odd.one} and ${odd.other} say different things`, { expected, evidence }),
  ];
};

/** What an object asks for, without the names in it: a policy's rules, and what routes match and do. */
const sayings = (object: KubeObject): unknown => ({
  action: at(object, "spec", "action"),
  rules: listAt(object, "spec", "rules").map((rule) => ({ ...Object(rule), backendRefs: undefined })),
  http: listAt(object, "spec", "http").map((route) => ({ ...Object(route), route: undefined })),
});
