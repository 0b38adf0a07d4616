import { describe, expect, it } from "vitest";
import { experiments } from "../../../experiments";
import { request } from "../../../experiments/requests";
import type { Probe } from "../../../experiments/types";
import { moduleNames } from "../../../modules/index";
import { labFacts } from "../verify/fake/facts";

const { settings } = labFacts();
const probesOf = (steps: readonly { kind: string }[]) => steps.filter((step): step is Probe => step.kind === "probe");

describe("experiments", () => {
  it("have ids of their own", () => {
    const ids = experiments.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(experiments.map((item) => [item.id, item] as const))("%s asks a question and has steps", (_id, item) => {
    expect(item.question).toMatch(/\?$/);
    expect(item.steps(settings).length).toBeGreaterThan(0);
    // A row of the story, or a module: one of the two.
    expect(item.rows.length > 0).toBe(item.module === undefined);
  });

  it("put a positive control beside every negative probe", () => {
    const lonely = experiments.filter(({ steps }) => {
      const fates = probesOf(steps(settings)).map(({ expect: { outcome } }) => outcome);
      return fates.some((outcome) => outcome !== "answered") && !fates.includes("answered");
    });
    expect(lonely.map(({ id }) => id)).toEqual([]);
  });

  it("send what changes or counts alone, and the flip last of the story", () => {
    const story = experiments.filter(({ module }) => !module);
    expect(story.filter(({ alone }) => alone).map(({ id }) => id)).toEqual(["waypoint-traversed", "authz-flip"]);
    expect(story.at(-1)?.id).toBe("authz-flip");
  });

  it("of modules come after the story, at least one for each module that can be configured", () => {
    const first = experiments.findIndex(({ module }) => module !== undefined);
    expect([...new Set(experiments.slice(first).map(({ module }) => module))]).toEqual([...moduleNames]);
  });

  it("cover every row of the story that a living lab can show", () => {
    const rows = new Set(experiments.flatMap((item) => item.rows));
    expect([...rows].sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1));
  });
});

describe("request()", () => {
  it("expects what the policy says of caller and method", () => {
    expect(request(settings, "appa", "GET").expect).toEqual({ outcome: "answered", through: ["waypoint"] });
    expect(request(settings, "host", "GET").expect).toEqual({ outcome: "answered", through: ["gateway", "waypoint"] });
    expect(request(settings, "appa", "POST").expect).toMatchObject({ outcome: "refused", by: "waypoint", status: 403 });
    expect(request(settings, "stranger", "GET").expect).toMatchObject({ outcome: "refused", by: "waypoint" });
  });
});
