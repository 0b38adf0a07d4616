import { join } from "node:path";
import { expect, test } from "vitest";
import { exec } from "../../../host/exec";

const root = join(__dirname, "..", "..", "..");

/** Runs a line of JavaScript in a process that has loaded the program as the engine does. Nothing is declared by that. */
async function afterStart(line: string, before = ""): Promise<string> {
  const sourceMaps = 'require.resolve("source-map-support/register", { paths: [require.resolve("@pulumi/pulumi")] })';
  const start = `${before} require(${sourceMaps}); const program = require("./program.cjs");`;
  const { code, stdout, stderr } = await exec(process.execPath, ["-e", `${start} ${line}`], { cwd: root });
  expect(code, stderr).toBe(0);
  return stdout;
}

test("the engine finds the program of index.ts behind program.cjs", async () => {
  expect(await afterStart("console.log(typeof program)")).toBe("function");
});

test("a stack of the program names lines of TypeScript", async () => {
  const stack = await afterStart(
    'try { require("./program/lab.ts").declareLab({}) } catch (error) { console.log(error.stack) }',
  );
  expect(stack).toMatch(/lab\.ts:\d\d+:\d{1,2}\)/);
});

test("the SDK's compiler and installer are not loaded, until they are needed", async () => {
  const files = "Object.entries(require.cache).filter(([file]) => /(typescript|arborist)\\/lib/.test(file))";
  const loaded = `${files}.filter(([, { exports }]) => !require("node:util").types.isProxy(exports)).length`;
  const serialize = 'require("@pulumi/pulumi").runtime.serializeFunction(() => 42)';
  const told = await afterStart(
    `const before = ${loaded}; ${serialize}.then(({ text }) => console.log(before, ${loaded}, text.includes("42")))`,
  );
  expect(told).toBe("0 1 true");
});

test("an SDK's own way to the compiler gives the compiler", async () => {
  const told = await afterStart(
    'const ts = require("@pulumi/pulumi/typescript-shim"); console.log(ts.version, "SyntaxKind" in ts, typeof ts.createProgram)',
  );
  expect(told).toMatch(/^5\.\d+\.\d+ true function$/);
});

test("what runs Pulumi from within a program is there for one that asks", async () => {
  const told = await afterStart('console.log(typeof require("@pulumi/pulumi").automation.LocalWorkspace.create)');
  expect(told).toBe("function");
});

test("files of packages are loaded by Node.js, those of the lab by tsx", async () => {
  const watched = `const seen = []; const read = require("node:fs").readFileSync;
    require("node:fs").readFileSync = (file, ...rest) => { seen.push(String(file)); return read(file, ...rest); };`;
  const maps = "seen.filter((file) => /node_modules.*\\.map$/.test(file)).length";
  const told = await afterStart(
    `console.log(${maps}, require("./config/versions.ts").versions.istio, process.sourceMapsEnabled)`,
    watched,
  );
  expect(told).toMatch(/^0 \d+\.\d+\.\d+ true$/);
});

test("a package of ES modules can be loaded", async () => {
  expect(await afterStart('import("execa").then(({ execa }) => console.log(typeof execa))')).toBe("function");
  expect(await afterStart('console.log(typeof require("execa").execa)')).toBe("function");
});
