import { expect } from "vitest";
import { verifyLab } from "../../../../verify";
import type { VerifyReport } from "../../../../verify/report/schema";
import type { BrokenWorld } from "./breaks";
import { fakeWorld } from "./world";

/** The result of each experiment as "verdict layer". */
export const summary = ({ results }: VerifyReport): Record<string, string> =>
  Object.fromEntries(results.map(({ id, verdict, layer }) => [id, layer ? `${verdict} ${layer}` : verdict]));

/**
 * Verifies a broken lab: the experiments of `detectedBy` fail, drift names the object, and the verdict is not a pass. If
 * `detectedBy` is empty, all experiments run.
 */
export async function expectDetected({ breaks, detectedBy, drift, seen, settings }: BrokenWorld): Promise<void> {
  const lab = await fakeWorld(settings);
  breaks(lab.state);
  const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: Object.keys(detectedBy) });
  const only = Object.fromEntries(Object.entries(summary(report)).filter(([id]) => id in detectedBy));
  const wanted = Object.entries(detectedBy).map(([id, { layer, verdict = "fail" }]) => [id, `${verdict} ${layer}`]);
  expect(only).toEqual(Object.fromEntries(wanted));
  expect(report.verdict).not.toBe("pass");
  if (seen) expect(saidBy(report, Object.keys(detectedBy)[0])).toContain(seen);
  if (drift) expect(report.drift.map(({ what }) => what).join("\n")).toContain(drift);
  else expect(report.drift).toEqual([]);
}

const saidBy = ({ results }: VerifyReport, experiment: string | undefined): string =>
  results.flatMap(({ id, findings }) => (id === experiment ? findings.map((each) => each.seen) : [])).join("\n");
