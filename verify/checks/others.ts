import { othersOf } from "../diagnosis/others";
import { type CheckRun, failed, passed, unclear } from "./check";

/** No object of others decides about the lab's traffic; what acts on none of it is drift alone. */
export const noOthers: CheckRun<"no-others"> = async (context, { name }) => {
  const { found, unlisted } = await othersOf(context);
  const [first, ...more] = found.filter(({ decisive }) => decisive).map(({ cause }) => cause);
  if (!first && unlisted.length > 0) {
    const seen = `the login may not list ${unlisted.join(", ")} in all namespaces: others may decide about it`;
    return [unclear(name, "api-server", seen, { expected: "the right to list these in all namespaces" })];
  }
  if (!first) return [passed(name, "api-server", "no object decides about it beside those of the stack")];
  const evidence = [{ source: "objects of others", lines: [first, ...more].map(({ what }) => what) }];
  const expected = "the objects of the stack alone";
  return [failed(name, first.layer, [first, ...more].map(({ what }) => what).join("; "), { expected, evidence })];
};
