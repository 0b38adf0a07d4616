import { describe, expect, test } from "vitest";
import type { SampleAnswer, Sender } from "../../../cli/traffic";
import { type Disturbance, disturbanceOf, disturbanceText, measureDisturbance, upgradeOf } from "../../../cli/traffic";
import { FakeClock } from "../verify/fake/clock";
import { labFacts } from "../verify/fake/facts";

const answers = (statuses: readonly number[]): SampleAnswer[] =>
  statuses.map((status, index) => ({ atMs: index * 100, status, ms: status === 0 ? 1500 : 5 }));
const { signal } = new AbortController();

describe("disturbanceOf()", () => {
  test.each([
    [[200, 200, 200], 0, 0],
    [[200, 503, 200], 1, 200],
    [[200, 0, 0, 200, 503, 200], 3, 300],
    [[200, 200, 0, 0], 2, 200],
    [[0, 0, 200], 2, 200],
    [[403, 403], 2, 100],
  ])("of %j counts %i failed and a gap of %i ms", (statuses, failed, longestGapMs) => {
    expect(disturbanceOf(answers(statuses), 200)).toMatchObject({ requests: statuses.length, failed, longestGapMs });
  });

  test("takes the answer from before as the good one, and the order of sending", () => {
    const [first, second, third] = answers([403, 403, 200]);
    if (!first || !second || !third) throw new Error("three answers were made");
    expect(disturbanceOf([third, first, second], 403)).toMatchObject({ failed: 1, longestGapMs: 100 });
  });
});

describe("disturbanceText()", () => {
  const step = { from: "1.31.1", to: "1.31.2" };

  test("shows the number of requests, the failures and their duration", () => {
    expect(disturbanceText({ ...step, requests: 412, failed: 3, longestGapMs: 640, slowestMs: 1210 })).toBe(
      "Istio 1.31.1 → 1.31.2: 412 requests, 3 failed, longest gap 0.6 s, slowest answer 1.2 s",
    );
  });

  test("says that requests were not counted when the gateway did not answer before", () => {
    expect(disturbanceText(step)).toContain("requests were not counted");
  });
});

describe("measureDisturbance()", () => {
  const answering = (status: () => number) => {
    const sent: number[] = [];
    const send: Sender = async () => {
      sent.push(status());
      return { status: sent.at(-1) ?? 0 };
    };
    return { sent, send };
  };

  test("counts while the work lasts, against the answer from before", async () => {
    const clock = new FakeClock();
    let broken = false;
    const { sent, send } = answering(() => (broken ? 503 : 200));
    const seen: (Disturbance | undefined)[] = [];
    const work = async () => {
      await clock.sleep(1000, signal);
      broken = true;
      await clock.sleep(500, signal);
      broken = false;
      await clock.sleep(1000, signal);
      return "done";
    };
    const counted = (each: Disturbance | undefined) => void seen.push(each);
    expect(await measureDisturbance(labFacts(), work, { signal, clock, send, counted })).toBe("done");
    expect(seen).toHaveLength(1);
    expect(seen[0]?.requests).toBe(sent.length - 1);
    expect(seen[0]?.failed).toBe(sent.filter((status) => status === 503).length);
    expect(seen[0]?.failed).toBeGreaterThan(0);
  });

  test("hands on what the work throws, counts all the same, and sends no more", async () => {
    const { sent, send } = answering(() => 200);
    const seen: (Disturbance | undefined)[] = [];
    const work = async () => Promise.reject(new Error("the engine failed"));
    const counted = (each: Disturbance | undefined) => void seen.push(each);
    await expect(measureDisturbance(labFacts(), work, { signal, send, counted })).rejects.toThrow("the engine failed");
    expect(seen).toEqual([expect.objectContaining({ failed: 0 })]);
    const before = sent.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent.length).toBe(before);
  });

  test("does not count against a lab that did not answer before", async () => {
    const send: Sender = async () => Promise.reject(new Error("ECONNREFUSED"));
    const seen: (Disturbance | undefined)[] = [];
    const counted = (each: Disturbance | undefined) => void seen.push(each);
    expect(await measureDisturbance(labFacts(), async () => 7, { signal, send, counted })).toBe(7);
    expect(seen).toEqual([undefined]);
  });
});

describe("upgradeOf()", () => {
  test.each([
    ["1.31.1", "1.31.2", { from: "1.31.1", to: "1.31.2" }],
    ["1.31.1", "1.31.1", undefined],
    [undefined, "1.31.1", undefined],
  ])("of %j to %s is %j", (from, to, upgrade) => {
    expect(upgradeOf(from, to)).toEqual(upgrade);
  });
});
