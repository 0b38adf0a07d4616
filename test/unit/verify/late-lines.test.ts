import { describe, expect, it } from "vitest";
import { labTimings } from "../../../verify/context";
import { lateLines } from "../../../verify/probe/sample-logs";
import { FakeClock } from "./fake/clock";

/** A log that has so many lines at each of these milliseconds. */
async function read(steps: readonly (readonly [number, number])[], count = 200) {
  const clock = new FakeClock();
  const begin = clock.now();
  const { signal } = new AbortController();
  const answers = Array.from({ length: count }, () => ({ status: 200, seconds: 0.1 }));
  const lines = await lateLines(
    { timings: labTimings, clock, signal },
    { what: "access lines", count, answers },
    async () => {
      const [, length] = steps.filter(([at]) => clock.now() - begin >= at).at(-1) ?? [0, 0];
      return Array.from({ length }, (_, index) => index);
    },
  );
  return { lines: lines.length, ms: clock.now() - begin };
}

describe("lateLines()", () => {
  it("ends as soon as all are there", async () => {
    expect(
      await read([
        [0, 0],
        [900, 200],
      ]),
    ).toMatchObject({ lines: 200, ms: 900 });
  });

  it("waits on while lines still come", async () => {
    const late = await read([
      [0, 0],
      [4_000, 120],
      [8_000, 197],
      [12_000, 200],
    ]);
    expect(late.lines).toBe(200);
    expect(late.ms).toBeLessThan(13_000);
  });

  it("gives up on lines of which none came for a while", async () => {
    expect(await read([[0, 0]])).toMatchObject({ lines: 0, ms: 5_000 });
    const partial = await read([
      [0, 0],
      [2_000, 191],
    ]);
    expect(partial).toMatchObject({ lines: 191, ms: 10_000 });
  });

  it("has an end although lines come and come", async () => {
    const drip = Array.from({ length: 100 }, (_, index) => [index * 1_000, index] as const);
    expect(await read(drip)).toMatchObject({ ms: 30_000 });
  });
});
