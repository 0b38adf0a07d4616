import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { exec } from "../../../host/exec";

const root = join(__dirname, "..", "..", "..");

/**
 * Runs JavaScript in a process with the arguments that the language host gives to Node.js: `runtime.options.nodeargs`,
 * split as a shell does (Pulumi v3.259.0, sdk/nodejs/cmd/pulumi-language-nodejs/main.go, prepareRuntimeEnv and run).
 */
async function withNodeArgs(line: string): Promise<string> {
  const { runtime } = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8"));
  const nodeargs: string[] = runtime.options.nodeargs.split(" ");
  const { code, stdout, stderr } = await exec(process.execPath, [...nodeargs, "-e", line], { cwd: root });
  expect(code, stderr).toBe(0);
  return stdout;
}

/** Number of the SDK's files that a process has loaded. */
const sdk = "Object.keys(require.cache).filter((each) => /@pulumi.pulumi/.test(each)).length";

let program: { type: string; loaded: number; stack: string; refused: string };
beforeAll(async () => {
  // The SDK requires the folder's `main` (@pulumi/pulumi, cmd/run/run.js).
  const { main } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const said = await withNodeArgs(`
    const program = require("./${main}");
    const loaded = ${sdk};
    let stack;
    try { require("./program/lab.ts").declareLab({}) } catch (error) { stack = error.stack }
    require("@pulumi/pulumi").runtime.setMocks({ newResource: () => ({ state: {} }), call: () => ({}) }, "ambient-lab", "Alice_1");
    program().catch(({ constructor, message }) =>
      console.log(JSON.stringify({ type: typeof program, loaded, stack, refused: constructor.name + " " + message })));`);
  program = JSON.parse(said);
}, 60_000);

test("the engine's Node.js loads the program that package.json names", async () => {
  expect(program.type).toBe("function");
});

// The SDK loads TypeScript and npm's own packages, which took more than half of the time of "doctor".
test("the command line starts without the SDK", async () => {
  expect(await withNodeArgs(`require("./cli/run.ts"); console.log(${sdk})`)).toBe("0");
  expect(program.loaded).toBeGreaterThan(10);
});

test("the program refuses a stack whose name cannot be part of the cluster's", async () => {
  expect(program.refused).toMatch(/^RunError[\s\S]*What {2}Stack name "Alice_1" is refused/);
});

test("a stack of the program names lines of TypeScript", async () => {
  const line = Number(/lab\.ts:(\d+):\d+\)/.exec(program.stack)?.[1]);
  expect(readFileSync(join(root, "program", "lab.ts"), "utf8").split("\n")[line - 1]).toContain("config");
});
