import { once } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { abortedBy, ask, childSignal } from "../../../cli/process-io";

describe("ask()", () => {
  const answer = async (typed: string) => {
    const input = new PassThrough();
    const output = new PassThrough();
    const agreed = ask("Destroy it?", { input, output, terminal: true });
    await once(output, "data");
    input.write(typed);
    return agreed;
  };

  test.each([
    ["y\r", true],
    ["Yes\r", true],
    ["n\r", false],
    ["\r", false],
    ["yesterday\r", false],
  ])("takes %j for %s", async (typed, agreed) => expect(await answer(typed)).toBe(agreed));

  test.each([
    ["Ctrl+C", "\u0003"],
    ["Ctrl+D", "\u0004"],
  ])("takes %s for a no", async (_, typed) => expect(await answer(typed)).toBe(false));
});

test("childSignal() leaves a program alone that the terminal has interrupted, and no other", () => {
  const told = (reason: string) => {
    const controller = new AbortController();
    const signal = childSignal(controller.signal);
    controller.abort(reason);
    return signal.aborted;
  };
  expect([told(abortedBy.terminal), told(abortedBy.signal)]).toEqual([false, true]);
});
