import { othersOf } from "../diagnosis/others";
import { type CheckRun, failed, passed } from "./check";

/** No object of others decides about the lab's traffic; what acts on none of it is drift alone. */
export const noOthers: CheckRun<"no-others"> = async (context, { name }) => {
  const [first, ...more] = (await othersOf(context)).filter(({ decisive }) => decisive).map(({ cause }) => cause);
  if (!first) return [passed(name, "api-server", "no object decides about it beside those of the stack")];
  const evidence = [{ source: "objects of others", lines: [first, ...more].map(({ what }) => what) }];
  const expected = "the objects of the stack alone";
  return [failed(name, first.layer, [first, ...more].map(({ what }) => what).join("; "), { expected, evidence })];
};
