import { once } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { abortedBy, childSignal } from "../../../cli/terminal/abort";
import { ask } from "../../../cli/terminal/process-io";

describe("ask()", () => {
  const answer = async (typed: string) => {
    const input = new PassThrough();
    const output = new PassThrough();
    const agreed = ask("Destroy it?", { input, output, terminal: true }, new AbortController().signal);
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

describe("ask(), without an answer", () => {
  const asked = async (signal: AbortSignal) => {
    const input = new PassThrough();
    const output = new PassThrough();
    const agreed = ask("Destroy it?", { input, output, terminal: true }, signal);
    await once(output, "data");
    return { input, agreed };
  };

  test("takes the end of the input for a no", async () => {
    const { input, agreed } = await asked(new AbortController().signal);
    input.end();
    expect(await agreed).toBe(false);
  });

  test("ends as the command does that is told to end", async () => {
    const stop = new AbortController();
    const { agreed } = await asked(stop.signal);
    stop.abort(abortedBy.signal);
    await expect(agreed).rejects.toBe(abortedBy.signal);
  });
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
