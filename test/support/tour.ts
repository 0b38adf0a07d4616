import type { TourLab } from "../../cli/tour/lab";
import { parseConfig } from "../../config/load";
import { verifyLab } from "../../verify";
import { fakeWorld } from "../unit/verify/fake/world";

/** A lab for the tour in the browser, with settings in memory, and the verifier on a fake lab with these settings. */
export function fakeTourLab(overrides: Partial<TourLab> = {}): TourLab & { calls: string[] } {
  let settings: Record<string, unknown> = {};
  const calls: string[] = [];
  const put = (pairs: readonly string[]) => {
    for (const [key = "", value] of pairs.map((pair) => pair.split("="))) settings = { ...settings, [key]: value };
  };
  return {
    stack: "dev",
    calls,
    settings: () => parseConfig(settings),
    remember() {
      const before = settings;
      return () => {
        const changed = settings !== before;
        settings = before;
        return changed;
      };
    },
    async preview(pairs) {
      calls.push(["preview", ...pairs].join(" "));
      return `Lab "dev": 1 to update\n~ policies  AuthorizationPolicy appb-l7  ${pairs.join(" ")}\n`;
    },
    async up(pairs, line) {
      calls.push(["up", ...pairs].join(" "));
      line("✓ policies › appb-l7  AuthorizationPolicy updated");
      put(pairs);
    },
    async verify(experiment) {
      calls.push(`verify ${experiment}`);
      const lab = await fakeWorld(parseConfig(settings));
      return verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: [experiment] });
    },
    ...overrides,
  };
}
