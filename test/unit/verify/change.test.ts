import { hostname } from "node:os";
import { describe, expect, test } from "vitest";
import { annotationKeys } from "../../../config/vocabulary";
import { labTimings } from "../../../verify/context";
import { at } from "../../../verify/json";
import { PreconditionError } from "../../../verify/precondition-error";
import { change, restoreObject } from "../../../verify/restore/change";
import { recover, restore } from "../../../verify/restore/restore";
import { type FakeWorld, fakeWorld } from "./fake/world";

const object = "Deployment/cost-growth-ambient";
const key = "Deployment/default/cost-growth-ambient";
const { signal } = new AbortController();
const scale = (lab: FakeWorld, to: number) =>
  change(lab, { object, field: ["spec", "replicas"], to: () => to }, signal);
const replicas = ({ state }: FakeWorld) => at(state.get(key), "spec", "replicas");
const note = ({ state }: FakeWorld) => state.get(key).metadata?.annotations?.[annotationKeys.original];

/** Says in the annotation that another process made the change. */
function claim({ state }: FakeWorld, by: { host: string; pid: number }): void {
  const { metadata } = state.get(key);
  const original: unknown = JSON.parse(note({ state } as FakeWorld) ?? "");
  const text = JSON.stringify({ ...Object(original), by });
  Object.assign(Object(metadata), { annotations: { ...metadata?.annotations, [annotationKeys.original]: text } });
}

describe("a second change of a field", () => {
  test("by the same process keeps the first original, which is restored", async () => {
    const lab = await fakeWorld({ modules: ["cost"] });
    const before = structuredClone(lab.state.get(key));
    await scale(lab, 1);
    await scale(lab, 5);
    expect(JSON.parse(note(lab) ?? "")).toMatchObject({ value: 0, changed: 5, by: { pid: process.pid } });
    expect(replicas(lab)).toBe(5);
    expect(await restoreObject(lab, object, signal)).toBe("restored");
    const { metadata, spec } = lab.state.get(key);
    expect(spec).toEqual(before.spec);
    expect(metadata?.annotations).toEqual(before.metadata?.annotations);
    expect(metadata?.managedFields).toEqual(before.metadata?.managedFields);
  });

  test.each([
    { name: "process", by: { host: hostname(), pid: process.ppid } },
    { name: "machine", by: { host: "elsewhere", pid: process.pid } },
  ])("is refused where another $name made the first one", async ({ by }) => {
    const lab = await fakeWorld({ modules: ["cost"] });
    await scale(lab, 1);
    claim(lab, by);
    await expect(scale(lab, 5)).rejects.toThrow(PreconditionError);
    expect(replicas(lab)).toBe(1);
  });

  test("is refused for another field of the object", async () => {
    const lab = await fakeWorld({ modules: ["cost"] });
    await scale(lab, 1);
    const other = { object, field: ["spec", "selector"], to: () => ({}) } as const;
    await expect(change(lab, other, signal)).rejects.toThrow("is changed already");
  });
});

describe("the restore at the end of a run", () => {
  const restored = (lab: FakeWorld) =>
    restore({ lab, clock: lab.state.clock, timings: labTimings }, object, "scaled down again");

  test("passes where the run itself made the change", async () => {
    const lab = await fakeWorld({ modules: ["cost"] });
    await scale(lab, 5);
    expect(await restored(lab)).toMatchObject({ verdict: "pass", name: "scaled down again" });
    expect(replicas(lab)).toBe(0);
  });

  test("is inconclusive where another run has changed the object, and names that run", async () => {
    const lab = await fakeWorld({ modules: ["cost"] });
    await scale(lab, 5);
    claim(lab, { host: "elsewhere", pid: 4711 });
    const before = lab.patches.length;
    expect(await restored(lab)).toMatchObject({
      ...{ verdict: "inconclusive", layer: "api-server" },
      seen: "Deployment cost-growth-ambient is changed by another run, process 4711 on elsewhere, and is not restored",
    });
    expect(lab.patches).toHaveLength(before);
    expect(replicas(lab)).toBe(5);
  });

  test("passes where another run changes the object after it was restored", async () => {
    const lab = await fakeWorld({ modules: ["cost"] });
    await scale(lab, 5);
    const { patch } = lab;
    lab.patch = async (ref, operations, abort) => {
      const written = await patch(ref, operations, abort);
      if (operations.some(({ path }) => path === "/metadata/managedFields")) {
        lab.patch = patch;
        await scale(lab, 7);
        claim(lab, { host: "elsewhere", pid: 4711 });
      }
      return written;
    };
    expect(await restored(lab)).toMatchObject({ verdict: "pass" });
    expect(replicas(lab)).toBe(7);
  });
});

describe("a run that begins while another one measures growth", () => {
  const waits = expect.stringMatching(
    /^waiting up to 10 min for process \d+ on .* to restore Deployment cost-growth-ambient$/,
  );
  /** Another run's change, which that run undoes after so many milliseconds. */
  const measuring = async (undoneAfterMs: number) => {
    const lab = await fakeWorld({ modules: ["cost"] });
    await scale(lab, 20);
    claim(lab, { host: hostname(), pid: process.ppid });
    lab.state.clock.timer(undoneAfterMs, () => void restoreObject(lab, object, signal));
    const notes: string[] = [];
    await recover({ lab, signal, clock: lab.state.clock }, (text) => notes.push(text));
    return { notes, replicas: replicas(lab) };
  };

  test("waits for the end of the measurement, and restores nothing itself", async () => {
    expect(await measuring(240_000)).toEqual({ notes: [waits], replicas: 0 });
  });

  test("restores what is changed after the longest time of a measurement", async () => {
    const { notes, replicas } = await measuring(3_600_000);
    expect(notes).toEqual([waits, expect.stringContaining("Deployment cost-growth-ambient was left changed")]);
    expect(replicas).toBe(0);
  });
});
