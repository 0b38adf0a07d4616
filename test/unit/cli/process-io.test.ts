import { once } from "node:events";
import { PassThrough } from "node:stream";
import { afterEach, describe, expect, test, vi } from "vitest";
import { abortedBy, childSignal } from "../../../cli/terminal/abort";
import { ask, processIo } from "../../../cli/terminal/process-io";

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

  test("ends like a command that gets a signal", async () => {
    const stop = new AbortController();
    const { agreed } = await asked(stop.signal);
    stop.abort(abortedBy.signal);
    await expect(agreed).rejects.toBe(abortedBy.signal);
  });
});

describe("childSignal()", () => {
  afterEach(() => void vi.restoreAllMocks());

  const aborted = (reason: string, afterMs: number, reported: boolean) => {
    const time = new AbortController();
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(time.signal);
    const controller = new AbortController();
    const signal = childSignal(controller.signal, () => reported);
    controller.abort(reason);
    if (timeout.mock.calls.some(([ms]) => ms <= afterMs)) time.abort();
    return signal.aborted;
  };

  test("passes a signal of the system on at once", () => {
    expect(aborted(abortedBy.signal, 0, false)).toBe(true);
  });

  test("does not interrupt a program twice that has reported the terminal's interrupt", () => {
    expect(aborted(abortedBy.terminal, 60_000, true)).toBe(false);
  });

  test("passes an interrupt on that did not reach the program", () => {
    expect(aborted(abortedBy.terminal, 9_000, false)).toBe(false);
    expect(aborted(abortedBy.terminal, 10_000, false)).toBe(true);
  });
});

test("processIo() ends the work that follows an interrupt at the next one, and not because its output has gone", () => {
  const listeners = { INT: process.listeners("SIGINT"), TERM: process.listeners("SIGTERM") };
  const { signal, nextSignal } = processIo();
  process.emit("SIGINT", "SIGINT");
  const next = nextSignal();
  process.emit("SIGHUP", "SIGHUP");
  expect([signal.aborted, next.aborted]).toEqual([true, false]);
  process.emit("SIGINT", "SIGINT");
  expect(next.aborted).toBe(true);
  process.removeAllListeners("SIGHUP");
  for (const [name, kept] of Object.entries(listeners)) {
    process.removeAllListeners(`SIG${name}`);
    for (const listener of kept) process.on(`SIG${name}`, listener);
  }
});
