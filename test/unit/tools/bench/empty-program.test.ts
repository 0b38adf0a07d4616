import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { packagesOf, writeEmptyProgram } from "../../../../tools/bench/empty-program";

let root: string;

/** Packages by folder, with what they need. */
const packages = {
  "": { dependencies: { "@pulumi/pulumi": "3", "@pulumi/kubernetes": "4" } },
  "node_modules/@pulumi/pulumi": {
    dependencies: { "@grpc/grpc-js": "1", semver: "7" },
    optionalDependencies: { win: "1" },
  },
  "node_modules/@pulumi/kubernetes": { dependencies: { glob: "1" } },
  "node_modules/@pulumi/pulumi/node_modules/semver": { dependencies: { lru: "6" } },
  "node_modules/@grpc/grpc-js": { dependencies: { "@pulumi/pulumi": "3", semver: "6" } },
  "node_modules/@types/node": {},
  "node_modules/semver": {},
  "node_modules/lru": {},
  "node_modules/glob": {},
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lab-empty-program-"));
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages }));
  for (const path of Object.keys(packages)) mkdirSync(join(root, path), { recursive: true });
});

test("packagesOf() finds what a package needs, as Node.js does, and nothing else", () => {
  const names = ["@grpc/grpc-js", "@pulumi/pulumi", "@types/node", "lru", "semver"];
  const expected = names.map((name) => `node_modules/${name}`);
  expect(packagesOf(root, ["@pulumi/pulumi", "@types/node"])).toEqual(expected);
  expect(packagesOf(root, ["glob"])).toEqual(["node_modules/glob"]);
  expect(packagesOf(root, ["not-there"])).toEqual([]);
});

test("writeEmptyProgram() makes a program of Pulumi's SDK, and of no provider's", () => {
  const folder = mkdtempSync(join(tmpdir(), "lab-empty-"));
  writeEmptyProgram(folder, root);
  const sdk = join("node_modules", "@pulumi", "pulumi");
  expect(realpathSync(join(folder, sdk))).toBe(realpathSync(join(root, sdk)));
  expect(existsSync(join(folder, "node_modules", "@pulumi", "kubernetes"))).toBe(false);
  expect(readFileSync(join(folder, "Pulumi.yaml"), "utf8")).toContain("name: nodejs");
  // Type checks are the template's: without this word they would be left out.
  expect(readFileSync(join(folder, "tsconfig.json"), "utf8")).not.toContain("noCheck");
});
