import { describe, expect, test } from "vitest";
import type { Sender, Shot } from "../../../cli/traffic/loop";
import { disturbanceOf, disturbanceText, upgradeOf, whileCalled } from "../../../cli/upgrade";
import { FakeClock } from "../verify/fake/clock";
import { labFacts } from "../verify/fake/facts";

const shots = (statuses: readonly number[]): Shot[] =>
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
    expect(disturbanceOf(shots(statuses), 200)).toMatchObject({ requests: statuses.length, failed, longestGapMs });
  });

  test("takes the answer from before as the good one, and the order of sending", () => {
    const [first, second, third] = shots([403, 403, 200]);
    if (!first || !second || !third) throw new Error("three shots were made");
    expect(disturbanceOf([third, first, second], 403)).toMatchObject({ failed: 1, longestGapMs: 100 });
  });
});

describe("disturbanceText()", () => {
  const step = { from: "1.31.1", to: "1.31.2" };

  test("tells the count, what failed and for how long", () => {
    expect(disturbanceText({ ...step, requests: 412, failed: 3, longestGapMs: 640, slowestMs: 1210 })).toBe(
      "Istio 1.31.1 → 1.31.2: 412 requests, 3 failed, longest gap 0.6 s, slowest answer 1.2 s",
    );
  });

  test("says that nobody counted when the gateway was silent before", () => {
    expect(disturbanceText(step)).toContain("nobody counted");
  });
});

describe("whileCalled()", () => {
  test("counts while the work lasts, against the answer from before", async () => {
    const clock = new FakeClock();
    let [broken, sent] = [false, 0];
    const send: Sender = async () => {
      sent += 1;
      return { status: broken ? 503 : 200 };
    };
    const work = async () => {
      await clock.sleep(1000, signal);
      broken = true;
      await clock.sleep(500, signal);
      broken = false;
      await clock.sleep(1000, signal);
      return "done";
    };
    const { result, disturbance } = await whileCalled(labFacts(), work, { signal, clock, send });
    expect(result).toBe("done");
    expect(disturbance?.requests).toBe(sent - 1);
    expect(disturbance?.failed).toBeGreaterThan(0);
    expect(disturbance?.failed).toBeLessThan(disturbance?.requests ?? 0);
  });

  test("hands on what the work throws, and sends no more", async () => {
    let sent = 0;
    const send: Sender = async () => {
      sent += 1;
      return { status: 200 };
    };
    const work = async () => Promise.reject(new Error("the engine failed"));
    await expect(whileCalled(labFacts(), work, { signal, send })).rejects.toThrow("the engine failed");
    const before = sent;
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toBe(before);
  });

  test("does not count against a lab that did not answer before", async () => {
    const send: Sender = async () => Promise.reject(new Error("ECONNREFUSED"));
    expect(await whileCalled(labFacts(), async () => 7, { signal, send })).toEqual({ result: 7 });
  });
});

describe("upgradeOf()", () => {
  const outputs = { url: "http://127.0.0.1:1", versions: { istio: "1.31.1" } };
  test.each([
    [outputs, "1.31.2", { from: "1.31.1", to: "1.31.2" }],
    [outputs, "1.31.1", undefined],
    [{}, "1.31.1", undefined],
  ])("of %j to %s is %j", (from, to, upgrade) => {
    expect(upgradeOf(from, to)).toEqual(upgrade);
  });
});
