import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { exec } from "../../../host/exec";
import { checkout, fakeExec, fakeIo, ownLabHome } from "./world";

ownLabHome();

describe("run()", () => {
  test("names the nearest command and ends with 2", async () => {
    const io = fakeIo();
    expect(await run(["dcotor"], io)).toBe(2);
    expect(io.err()).toBe(
      [
        "✗ lab",
        "    What  unknown command 'dcotor'",
        "          (Did you mean doctor?)",
        "    Why   The command line is checked before anything is done",
        "    Fix   npm run lab -- --help",
        "",
      ].join("\n"),
    );
    expect(io.out()).toBe("");
  });

  test("points to the command's own help for a wrong option", async () => {
    const io = fakeIo();
    expect(await run(["up", "--wat"], io)).toBe(2);
    expect(io.err()).toContain("Fix   npm run lab -- up --help");
  });

  test("shows the help and ends with 2 when nothing is asked", async () => {
    const io = fakeIo();
    expect(await run([], io)).toBe(2);
    expect(io.err()).toContain("Usage: lab <command>");
  });

  test.each(["up", "preview", "destroy", "doctor", "status", "list", "plan", "verify"])(
    "%s --help has examples",
    async (name) => {
      const io = fakeIo();
      expect(await run([name, "--help"], io)).toBe(0);
      expect(io.out()).toMatch(/--stack <name>[\s\S]*--verbose[\s\S]*Examples:\n {2}\$ npm run /);
    },
  );

  test("loads the files of the command that runs and of no other", async () => {
    const root = join(__dirname, "../../..");
    const loaded = `require("./cli/run.ts").run(["doctor", "--help"], require("./cli/terminal/process-io.ts").processIo())
      .then(() => console.error(Object.keys(require.cache).join("\\n")))`;
    const { code, stderr } = await exec("node", ["--require", "@swc-node/register", "--eval", loaded], { cwd: root });
    expect(code).toBe(0);
    const files = stderr.split("\n").map((file) => relative(root, file));
    const ofCommands = files.filter((file) => file.startsWith("cli/commands/")).sort();
    expect(ofCommands).toEqual(["cli/commands/common.ts", "cli/commands/doctor.ts"]);
    // The Pulumi SDK and the Kubernetes client take half a second to load.
    expect(files.filter((file) => /^(verify\/run\.ts|node_modules\/@(pulumi|kubernetes)\/)/.test(file))).toEqual([]);
  }, 60_000);

  test("reports all problems of the configuration before anything runs", async () => {
    const calls = fakeExec({});
    const root = checkout({
      "Pulumi.dev.yaml": "config:\n  ambient-lab:workers: two\n  ambient-lab:domain: a b\n  ambient-lab:worker: 1\n",
    });
    for (const command of ["up", "preview", "plan", "doctor"]) {
      const io = fakeIo({ exec: calls, root });
      expect(await run([command, "--stack", "dev"], io)).toBe(2);
      expect(io.err().match(/What/g)).toHaveLength(3);
      expect(io.err()).toContain('did you mean "workers"');
    }
    expect(calls.calls).toEqual([]);
  });

  test("says of an interrupt that it was one, and not that the lab is at fault", async () => {
    const stop = new AbortController();
    const openEngine = async () => {
      stop.abort("signal");
      throw stop.signal.reason;
    };
    const io = fakeIo({ openEngine, signal: stop.signal });
    expect(await run(["list"], io)).toBe(1);
    expect(io.err()).toContain('What  "list" was interrupted');
    expect(io.err()).not.toContain("mistake");
  });

  test("shows a stack trace of a surprise only when asked", async () => {
    const openEngine = () => Promise.reject(new Error("never seen", { cause: new Error("the root") }));
    const io = fakeIo({ openEngine });
    expect(await run(["list"], io)).toBe(1);
    expect(io.err()).toContain("What  never seen");
    expect(io.err()).not.toMatch(/\n\s+at /);
    const verbose = fakeIo({ openEngine });
    expect(await run(["list", "--verbose"], verbose)).toBe(1);
    expect(verbose.err()).toMatch(/Caused by: Error: the root\n\s+at /);
  });
});
