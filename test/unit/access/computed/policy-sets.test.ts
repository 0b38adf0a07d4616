import { beforeAll, describe, expect, it } from "vitest";
import { computeDecision } from "../../../../access/computed/decide";
import type { KubeObject } from "../../../../verify/lab-client";
import { baseObjects, meshWith } from "./living";
import { policySets } from "./policy-sets";

let base: readonly KubeObject[];
beforeAll(async () => {
  base = await baseObjects();
}, 60_000);

describe("computeDecision() on policy sets", () => {
  it.each(policySets.map((set) => [set.id, set] as const))("%s", (_, set) => {
    const mesh = meshWith(base, set);
    const said = set.asks.map(({ request, expected }) => {
      const decision = computeDecision(mesh, request);
      const compared = Object.keys(expected).map((key) => [key, Reflect.get(decision, key)]);
      return { request, ...Object.fromEntries(compared) };
    });
    expect(said).toEqual(set.asks.map(({ request, expected }) => ({ request, ...expected })));
  });

  it("gives a reason for every decision", () => {
    const reasons = policySets.flatMap((set) =>
      set.asks.map(({ request }) => computeDecision(meshWith(base, set), request).because),
    );
    expect(reasons.filter((reason) => reason === "" || reason.endsWith("."))).toEqual([]);
  });

  it("has at least twenty sets with ids of their own", () => {
    expect(new Set(policySets.map(({ id }) => id)).size).toBe(policySets.length);
    expect(policySets.length).toBeGreaterThan(20);
  });
});
