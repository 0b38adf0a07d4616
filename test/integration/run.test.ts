import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exec } from "../../host/exec";

const repository = join(__dirname, "..", "..");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ambient-lab-run-"));
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  const project = (name: string) => ({ test: { name, include: [`${name}*.test.ts`] } });
  const config = { test: { projects: ["unit", "integration", "e2e"].map(project) } };
  write("vitest.config.mts", `export default ${JSON.stringify(config)};`);
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string) {
  writeFileSync(join(folder, name), text);
}

/** A test file; `body` uses `test` and `describe`. */
function suite(name: string, body: string) {
  write(
    `${name}.test.ts`,
    `import { appendFileSync } from "node:fs";\nimport { describe, test } from "vitest";\n${body}`,
  );
}

/** Exit code and the lines of stdout after Vitest's own, of `npm test` in the folder. */
async function npmTest() {
  const env = { CI: "", FORCE_COLOR: "0", VITEST: undefined, VITEST_MODE: undefined };
  const runner = join(repository, "test", "support", "run.mjs");
  const { code, stdout } = await exec(process.execPath, [runner, "--root", folder], { cwd: folder, env });
  return { code, lines: stdout.split("\n").filter((line) => /^(skipped|crashed) {2}|passed, /.test(line)) };
}

describe("npm test", () => {
  test("npm test sums the projects and ends with the totals", async () => {
    suite("unit", 'test("a", () => {}); test("b", () => {});');
    suite("integration", 'test("c", () => {}); test.skip("d", () => {});');
    expect(await npmTest()).toEqual({ code: 0, lines: ["3 passed, 0 failed, 1 skipped"] });
  });

  test("npm test fails for a failed test, and for a file that cannot be loaded", async () => {
    suite("unit", 'test("a", () => {}); test("b", () => { throw new Error("no") });');
    suite("integration", 'import "./absent";');
    expect(await npmTest()).toEqual({ code: 1, lines: ["1 passed, 2 failed, 0 skipped"] });
  });

  test("npm test fails when Vitest crashes, and says which project", async () => {
    suite("unit", 'test("a", () => {});');
    write("vitest.config.mts", `throw new Error("broken");`);
    const { code, lines } = await npmTest();
    expect(code).toBe(1);
    expect(lines).toContain("crashed  unit: Vitest ended with exit code 1 and left no report");
    expect(lines.at(-1)).toBe("0 passed, 3 failed, 0 skipped");
  });

  test("npm test fails for an error that no test caught", async () => {
    suite("unit", 'test("a", () => { void Promise.reject(new Error("lost")); });');
    expect(await npmTest()).toEqual({ code: 1, lines: ["1 passed, 1 failed, 0 skipped"] });
  });

  test("npm test prints each skipped suite with its reason", async () => {
    const reason = 'appendFileSync(process.env.LAB_SKIPS ?? "", "kind: no Docker engine answers\\n");';
    suite("unit", 'test("a", () => {});');
    suite("e2e", `${reason}\ndescribe.skipIf(true)("kind", () => { test("b", () => {}); });`);
    expect(await npmTest()).toEqual({
      code: 0,
      lines: ["skipped  kind: no Docker engine answers", "1 passed, 0 failed, 1 skipped"],
    });
  });

  test("npm test fails when no test ran", async () => {
    expect(await npmTest()).toEqual({ code: 1, lines: ["0 passed, 0 failed, 0 skipped"] });
  });
});
