import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { supported } from "../../../config/versions";
import { exec } from "../../../host/exec";

const root = resolve(__dirname, "../../..");

const { platform, arch } = process;
/** A package with a compiled part for each system, as npm locks @swc/core: `os`, `cpu` and, on Linux, `libc`. */
const parts = [
  { name: "part-here", os: [platform], cpu: [arch] },
  { name: "part-elsewhere", os: [platform === "darwin" ? "linux" : "darwin"], cpu: [arch] },
  { name: "part-libc", os: [platform], cpu: [arch], libc: ["neither"] },
];
const platformPackages = {
  "node_modules/compiler": {
    version: "1.0.0",
    optionalDependencies: Object.fromEntries(parts.map(({ name }) => [name, "1.0.0"])),
  },
  ...Object.fromEntries(
    parts.map(({ name, ...system }) => [`node_modules/${name}`, { version: "1.0.0", optional: true, ...system }]),
  ),
};

/** A checkout whose main.ts tells its arguments, and an npm that keeps what it was asked. */
function checkout(installed: Record<string, string>, npm: string) {
  const folder = mkdtempSync(join(tmpdir(), "lab-bootstrap-"));
  mkdirSync(join(folder, "cli"));
  mkdirSync(join(folder, "node_modules"));
  copyFileSync(join(root, "cli/bootstrap.cjs"), join(folder, "cli/bootstrap.cjs"));
  writeFileSync(
    join(folder, "cli/main.ts"),
    "const code: number = 3;\nconsole.log(process.argv.slice(2).join());\nprocess.exitCode = code;\n",
  );
  const packages = (versions: Record<string, string>) =>
    Object.fromEntries(Object.entries(versions).map(([name, version]) => [`node_modules/${name}`, { version }]));
  const locked = {
    ...packages({ compiler: "1.0.0", zod: "2.0.0" }),
    "": { name: "x" },
    "node_modules/other-os": { version: "1.0.0", optional: true },
    ...platformPackages,
    "node_modules/linter": { version: "1.0.0", dev: true },
  };
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages: locked }));
  const hidden = join(folder, "node_modules/.package-lock.json");
  writeFileSync(hidden, JSON.stringify({ packages: packages(installed) }));
  for (const name of ["@swc", "pirates"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "npm-cli.js"), npm);
  return {
    folder,
    run: (...args: string[]) =>
      exec("node", ["cli/bootstrap.cjs", ...args], { cwd: folder, env: { npm_execpath: join(folder, "npm-cli.js") } }),
  };
}

describe("bootstrap.cjs", () => {
  test("hands arguments and exit code through, without npm, when all is there", async () => {
    const { run } = checkout({ "part-here": "1.0.0", compiler: "1.0.0", zod: "2.0.0" }, "process.exit(1)");
    expect(await run("up", "--yes")).toMatchObject({ code: 3, stdout: "up,--yes", stderr: "" });
  });

  test("shows lines of the source in the stack traces of --verbose", async () => {
    const { folder, run } = checkout({ "part-here": "1.0.0", compiler: "1.0.0", zod: "2.0.0" }, "process.exit(1)");
    writeFileSync(join(folder, "cli/main.ts"), 'interface Gone {\n  by: "swc";\n}\n\nthrow new Error("here");\n');
    expect((await run("up", "--verbose")).stderr).toContain(`${join(folder, "cli/main.ts")}:5:7`);
    expect((await run("up")).stderr).toContain("Error: here");
  });

  test("does not install into a folder that node_modules links to: npm would empty it", async () => {
    const { folder, run } = checkout({ compiler: "1.0.0" }, 'require("fs").writeFileSync("asked", "")');
    renameSync(join(folder, "node_modules"), join(folder, "shared"));
    symlinkSync(join(folder, "shared"), join(folder, "node_modules"));
    const { code, stderr } = await run("doctor");
    expect(code).toBe(4);
    expect(stderr).toContain(`What  node_modules is a link to ${join(folder, "shared")}, where 2 of`);
    expect(stderr).toContain(`Fix   rm '${join(folder, "node_modules")}' && npm ci`);
    expect(existsSync(join(folder, "asked"))).toBe(false);
  });

  test.each([
    ["is missing", { "part-here": "1.0.0", compiler: "1.0.0" }],
    ["has another version", { "part-here": "1.0.0", compiler: "1.0.0", zod: "1.9.0" }],
    ["was installed by another system", { "part-elsewhere": "1.0.0", compiler: "1.0.0", zod: "2.0.0" }],
  ])("installs when a package %s, with progress on stderr alone", async (_, installed) => {
    const { folder, run } = checkout(
      installed,
      'console.log("added"); require("fs").writeFileSync("asked", process.argv.slice(2).join(" "))',
    );
    expect(await run("doctor")).toMatchObject({
      code: 3,
      stdout: "doctor",
      stderr: expect.stringMatching(/1 missing[\s\S]*added/),
    });
    expect(readFileSync(join(folder, "asked"), "utf8")).toBe("ci --no-audit --no-fund");
  });

  test.each([
    ["18.20.8", false],
    ["20.18.3", false],
    ["20.19.0", true],
    ["21.7.3", false],
    ["22.12.0", false],
    ["22.13.0", true],
    ["23.11.0", false],
    ["24.0.0", true],
    ["25.2.0", true],
  ])("takes Node.js %s: %s", async (version, taken) => {
    const { folder } = checkout({ "part-here": "1.0.0", compiler: "1.0.0", zod: "2.0.0" }, "process.exit(1)");
    writeFileSync(
      join(folder, "version.cjs"),
      `Object.defineProperty(process.versions, "node", { value: "${version}" });`,
    );
    const { code, stderr } = await exec("node", ["--require", "./version.cjs", "cli/bootstrap.cjs"], { cwd: folder });
    expect(stderr.includes(`What  This is Node.js ${version}\n`)).toBe(!taken);
    if (!taken) expect([code, stderr]).toEqual([4, expect.stringContaining(`Node.js ${supported.node}\n`)]);
  });

  test.each(["yarn.js", "pnpm.cjs"])("installs by npm when %s runs it", async (name) => {
    const { folder } = checkout({ compiler: "1.0.0" }, "");
    // npm_execpath under yarn and pnpm (yarnpkg/yarn src/util/execute-lifecycle-script.js, pnpm @pnpm/npm-lifecycle).
    writeFileSync(join(folder, name), "process.exit(1)");
    writeFileSync(join(folder, "npm"), '#!/bin/sh\necho "$@" >asked\n', { mode: 0o755 });
    const env = { npm_execpath: join(folder, name), PATH: `${folder}:${process.env.PATH}` };
    expect(await exec("node", ["cli/bootstrap.cjs", "doctor"], { cwd: folder, env })).toMatchObject({ code: 3 });
    expect(readFileSync(join(folder, "asked"), "utf8")).toBe("ci --no-audit --no-fund\n");
  });

  test("says what to do when the installation fails", async () => {
    const { run } = checkout({}, "process.exit(7)");
    const { code, stderr, stdout } = await run("up");
    expect([code, stdout]).toEqual([4, ""]);
    expect(stderr).toMatch(/What {2}"npm ci" failed with exit code 7\n {4}Why .*\n {4}Fix {3}npm ci/);
  });
});
