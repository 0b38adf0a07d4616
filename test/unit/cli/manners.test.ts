import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { FakeEngine, fakeIo, ownLabHome } from "./world";

ownLabHome();

async function say(...args: string[]): Promise<string> {
  const io = fakeIo();
  expect(await run(args, io)).toBe(0);
  return io.out();
}

async function verbs(): Promise<string[]> {
  const found = [...(await say("--help")).matchAll(/^ {2}([a-z]+) /gm)].map(([, verb]) => String(verb));
  return found.filter((verb) => verb !== "help");
}

describe("the help", () => {
  test("begins with first steps", async () => {
    expect(await say("--help")).toContain("$ npm run up ");
    expect((await verbs()).length).toBeGreaterThan(12);
  });

  test("of every verb teaches by example", async () => {
    for (const verb of await verbs()) {
      const shown = (await say(verb, "--help")).split("Examples:")[1] ?? "";
      expect(shown, verb).toMatch(new RegExp(`^ {2}.* (lab -- )?${verb}\\b`, "m"));
    }
  });
});

describe("colours", () => {
  const red = "\x1b[31m✗\x1b[39m";
  test.each([
    ["a mistyped command line", ["preview", "--konfig"]],
    ["settings that are wrong", ["up", "--yes", "--config", "workers=0"]],
  ])("are on a terminal and nowhere else: %s", async (_what, args) => {
    const said = async (settings: Parameters<typeof fakeIo>[0]) => {
      const io = fakeIo({ engine: new FakeEngine(["dev"]), ...settings });
      expect(await run(args, io)).toBe(2);
      return io.err();
    };
    expect(await said({ live: true })).toContain(red);
    expect(await said({ live: true, env: { NO_COLOR: "1" } })).not.toContain("\x1b[3");
    expect(await said({})).not.toContain("\x1b");
  });
});

describe("--json", () => {
  test("is understood by every verb that answers something", async () => {
    for (const verb of await verbs()) {
      expect(await say(verb, "--help"), verb).toContain("--json ");
    }
  });

  test.each([
    ["up", "--yes", "--no-verify"],
    ["preview"],
    ["destroy", "--yes"],
    ["doctor"],
    ["status"],
    ["list"],
    ["plan"],
    ["verify", "--list"],
    ["verify", "--explain", "bypass"],
    ["tour"],
  ])("makes the answer of %j one JSON document", async (...args) => {
    const io = fakeIo({ engine: new FakeEngine(["dev"]) });
    expect(await run([...args, "--json"], io)).toBe(0);
    expect(JSON.parse(io.out())).toBeTypeOf("object");
  });
});

describe("--quiet", () => {
  test("prints the result and no progress", async () => {
    const engine = new FakeEngine(["dev"]);
    const [loud, quiet] = [fakeIo({ engine }), fakeIo({ engine })];
    expect(await run(["up", "--no-verify", "--yes"], loud)).toBe(0);
    expect(await run(["up", "--no-verify", "--yes", "--quiet"], quiet)).toBe(0);
    expect(loud.err()).not.toBe("");
    expect(quiet.err()).toBe("");
    expect(quiet.out()).toBe(loud.out());
  });

  test("still prints a problem", async () => {
    const io = fakeIo();
    expect(await run(["status", "--quiet", "--stack", "Not_A_Name"], io)).toBe(2);
    expect(io.err()).toContain('What  Stack name "Not_A_Name" is refused');
  });
});
