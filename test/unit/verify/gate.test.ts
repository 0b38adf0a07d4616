import { expect, test } from "vitest";
import { gate } from "../../../verify/checks/gate";
import { labTimings } from "../../../verify/context";
import { FakeClock } from "./fake/clock";

/** Waits at a gate for a layer that knows of a change after some time. */
async function waitFor(knownAfterMs: number) {
  const clock = new FakeClock();
  const begun = clock.now();
  const context = { clock, timings: labTimings, signal: new AbortController().signal };
  const look = async () => (clock.now() - begun < knownAfterMs ? "the old rule" : undefined);
  const { verdict, layer } = await gate(context, "the new rule", "waypoint", look);
  return { verdict, layer, waitedMs: clock.now() - begun };
}

const { convergeMs } = labTimings;

test("a gate waits twice as long as for anything else, since open connections have to drain", async () => {
  expect(await waitFor(1.9 * convergeMs)).toMatchObject({ verdict: "pass", layer: "waypoint" });
});

test("a gate gives up after that time, and istiod is the layer that did not pass the change on", async () => {
  const { waitedMs, ...found } = await waitFor(2.1 * convergeMs);
  expect(found).toEqual({ verdict: "fail", layer: "istiod" });
  expect(waitedMs).toBeGreaterThanOrEqual(2 * convergeMs);
  expect(waitedMs).toBeLessThan(2.05 * convergeMs);
});
