import type { ResourceValidationArgs, StackValidationArgs } from "@pulumi/policy";
import { describe, expect, test } from "vitest";
import { policies } from "../../../policies/pack";
import { profileNames, profiles } from "../../support/profiles";
import { declare } from "../../support/program";

interface Declared {
  type: string;
  inputs: Record<string, unknown>;
}

let runs = 0;

/** What the pack, called as Pulumi calls it, says about some resources. */
async function violations(resources: readonly Declared[]): Promise<string[]> {
  const found: string[] = [];
  runs += 1;
  const run = runs;
  const args = resources.map(({ type, inputs }, index) => ({ type, urn: `urn:${run}:${index}`, props: inputs }));
  for (const policy of policies) {
    const report = (message: string) => void found.push(`${policy.name}: ${message}`);
    // The outputs of a cluster that is still to be made are empty.
    const outputs = args.map((each) => ({ ...each, props: {} }));
    if ("validateStack" in policy)
      await policy.validateStack({ resources: outputs } as unknown as StackValidationArgs, report);
    if (!("validateResource" in policy)) continue;
    for (const validate of [policy.validateResource].flat())
      for (const each of args) await validate?.(each as unknown as ResourceValidationArgs, report);
  }
  return found;
}

describe("the policy pack", () => {
  test("stops what it objects to, and each policy has a name of its own", () => {
    expect(policies.map(({ enforcementLevel }) => enforcementLevel)).toEqual(policies.map(() => "mandatory"));
    expect(new Set(policies.map(({ name }) => name)).size).toBe(6);
  });

  test.each(profileNames.filter((name) => name !== "open bypass"))("is content with the lab: %s", async (profile) => {
    expect(await violations((await declare(profiles[profile])).resources)).toEqual([]);
  });

  test("objects to a lab with the bypass open", async () => {
    expect(await violations((await declare(profiles["open bypass"])).resources)).toEqual([
      expect.stringMatching(/^waypoint-only: Service\/appb /),
    ]);
  });

  test("reads no resource of another provider", async () => {
    expect(
      await violations([
        { type: "docker:index:Image", inputs: { kind: "Pod", spec: { containers: [{ image: "x" }] } } },
      ]),
    ).toEqual([]);
  });
});
