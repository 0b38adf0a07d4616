import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { readConfig, settingsFile } from "../../../cli/stack/settings";
import { pairsOf, walked } from "../../../cli/tour/steps";
import { walkStep } from "../../../cli/tour/walk";
import { parseConfig } from "../../../config/load";
import { experiments } from "../../../experiments";
import { type TourStep, tour } from "../../../experiments/tour";
import type { ExitCode } from "../../../host/errors";
import { verifyLab } from "../../../verify";
import { fakeWorld } from "../verify/fake/world";
import { checkout, fakeIo, ownLabHome } from "./world";

ownLabHome();
const defaults = parseConfig({});
const changing = tour.filter(({ change }) => change !== undefined).map((step) => [step.id, step] as const);

/** Walks a step, with a lab that only keeps what is asked of it. */
async function walk(
  step: TourStep,
  root: string,
  options: { code?: ExitCode; answer?: boolean; interruptedIn?: "up" | "verify" } = {},
) {
  const asked: string[] = [];
  const interrupt = new AbortController();
  const file = settingsFile(root, "dev");
  const code = await walkStep(
    {
      ...{ io: fakeIo({ root, signal: interrupt.signal }), stack: "dev" },
      async up({ preview = false, config = [], signal = interrupt.signal }) {
        asked.push(["up", preview ? "--preview" : "--yes", ...config].join(" "));
        if (config.length > 0) writeFileSync(file, "config:\n  ambient-lab:changed: true\n");
        if (options.interruptedIn === "up") interrupt.abort();
        if (signal.aborted) return 1;
        return config.length > 0 ? (options.code ?? 0) : 0;
      },
      async verify(experiment) {
        asked.push(`verify ${experiment}`);
        if (options.interruptedIn === "verify") interrupt.abort();
        return interrupt.signal.aborted ? 1 : 0;
      },
      ...(options.answer === undefined ? {} : { confirm: async () => options.answer === true }),
    },
    step,
  );
  return { code, asked };
}

describe("the tour", () => {
  test("is proven by experiments that exist, each step under a name of its own", () => {
    expect(new Set(tour.map(({ id }) => id)).size).toBe(tour.length);
    const ids = experiments.map(({ id }) => id);
    for (const { proof } of tour) expect(ids).toContain(proof);
  });

  test.each(changing)("%s changes what its proof expects, and a lab that follows passes it", async (_id, step) => {
    const settings = { ...defaults, ...step.change };
    expect(walked(step, defaults, "dev").expects).not.toEqual(walked({ ...step, change: {} }, defaults, "dev").expects);
    const lab = await fakeWorld({ ...step.change });
    const report = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: [step.proof] });
    expect(report.verdict).toBe("pass");
    expect(parseConfig(step.change ?? {})).toMatchObject({ faultPercent: settings.faultPercent });
  });

  test.each(changing)("the change of %s is one that the settings take", async (_id, step) => {
    const root = checkout();
    const { changeConfig } = await import("../../../cli/stack/settings.js");
    expect(changeConfig(root, "dev", pairsOf(step))).toMatchObject({ ...step.change });
  });

  test("shows the change as lines that can be typed", () => {
    const caller = tour.find(({ id }) => id === "caller");
    expect(caller && walked(caller, defaults, "dev")).toMatchObject({
      change: [
        "npm run lab -- config set allowedCallers '[gateway]' --stack dev",
        "npm run preview -- --stack dev",
        "npm run up -- --stack dev --no-verify",
      ],
      proof: "npm run lab -- verify --only authz-principals --stack dev",
      undo: ["npm run lab -- config rm allowedCallers --stack dev", "npm run up -- --stack dev --no-verify"],
      next: "npm run lab -- tour bypass --stack dev",
    });
  });
});

describe("walkStep()", () => {
  const [, caller] = changing.find(([id]) => id === "caller") ?? [];
  const [identity] = tour;
  if (!caller || !identity) throw new RangeError("The tour has lost its steps");

  test("proves a step that changes nothing", async () => {
    expect(await walk(identity, checkout())).toMatchObject({ asked: ["verify hbone"] });
  });

  test("changes, proves, and puts the settings back to the letter", async () => {
    const own = "# mine\nconfig:\n  ambient-lab:faultPercent: 30\n";
    const root = checkout({ "Pulumi.dev.yaml": own });
    expect((await walk(caller, root)).asked).toEqual([
      "up --yes allowedCallers=[gateway]",
      "verify authz-principals",
      "up --yes",
    ]);
    expect(readFileSync(join(root, "Pulumi.dev.yaml"), "utf8")).toBe(own);
  });

  test("puts them back when the change was refused, and proves nothing", async () => {
    const root = checkout();
    const { code, asked } = await walk(caller, root, { code: 2, answer: true });
    expect(code).toBe(2);
    expect(asked[0]).toContain("--preview");
    expect(asked).toHaveLength(1);
    expect(existsSync(settingsFile(root, "dev"))).toBe(false);
  });

  test("puts the lab back, too, when the change failed half-way", async () => {
    const { code, asked } = await walk(caller, checkout(), { code: 1 });
    expect(code).toBe(1);
    expect(asked[1]).toBe("up --yes");
  });

  test.each(["up", "verify"] as const)(
    "puts lab and settings back after an interrupt of %s, without a question",
    async (interruptedIn) => {
      const root = checkout();
      const { code, asked } = await walk(caller, root, { interruptedIn, answer: false });
      expect(code).toBe(1);
      expect(asked.at(-1)).toBe("up --yes");
      expect(existsSync(settingsFile(root, "dev"))).toBe(false);
    },
  );

  test("leaves the change when the person wants to look around", async () => {
    const root = checkout();
    expect((await walk(caller, root, { answer: false })).asked).toHaveLength(2);
    expect(existsSync(settingsFile(root, "dev"))).toBe(true);
  });
});

describe("lab tour", () => {
  test("prints the steps when there is nobody to walk them", async () => {
    const io = fakeIo();
    expect(await run(["tour"], io)).toBe(0);
    expect(io.out().match(new RegExp(`^\\d+/${tour.length} `, "gm"))).toHaveLength(tour.length);
    expect(io.out()).toContain("stranger: GET http://appb:8000/get");
  });

  test("prints one step, as JSON too", async () => {
    const io = fakeIo();
    expect(await run(["tour", "fault", "--json", "--stack", "alice"], io)).toBe(0);
    expect(JSON.parse(io.out())).toMatchObject([
      { id: "fault", watch: "npm run lab -- traffic --for 15s --stack alice" },
    ]);
  });

  test("refuses a step that does not exist, and names those that do", async () => {
    const io = fakeIo();
    expect(await run(["tour", "nothing"], io)).toBe(2);
    expect(io.err()).toContain("identity, way-in, waypoint");
  });

  test("--undo takes back the keys of a step alone", async () => {
    const root = checkout({
      "Pulumi.dev.yaml": "config:\n  ambient-lab:allowedCallers: [gateway]\n  ambient-lab:workers: 3\n",
    });
    const io = fakeIo({ root });
    await run(["tour", "caller", "--undo"], io);
    expect(readConfig(root, "dev")).toMatchObject({ allowedCallers: ["appa", "gateway"], workers: 3 });
    expect(io.err()).toContain("$ npm run lab -- up --stack dev --no-verify --yes");
  });
});
