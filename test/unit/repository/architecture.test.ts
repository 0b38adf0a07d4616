import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, test } from "vitest";

/** Who may import what: a unit is a module of the root or a folder. Node's own modules are free to all. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  shell: [],
  versions: [],
  "image-names": ["versions"],
  host: [],
  backend: ["yaml"],
  "lab-owner": ["backend"],
  "docker-networks": ["exec", "host"],
  "cluster-state": ["docker-networks", "exec", "host", "lab-owner"],
  exec: ["errors", "execa"],
  "bundle-folder": [],
  "whole-file": ["errors", "shell"],
  download: ["errors", "private-ca", "undici", "unreachable"],
  "private-ca": ["errors", "shell"],
  unreachable: ["errors"],
  "cluster-api": ["host", "@kubernetes", "yaml"],
  "cluster-facts": ["cluster-api", "experiments"],
  compatibility: ["errors", "versions", "semver"],
  "config-rules": ["config", "errors", "versions"],
  "existing-check": [
    "cluster-api",
    "cluster-facts",
    "compatibility",
    "config",
    "errors",
    "experiments",
    "shell",
    "yaml",
  ],
  config: ["config-rules", "errors", "versions", "@pulumi", "fastest-levenshtein", "yaml", "zod"],
  artifacts: ["bundle-folder", "download", "errors", "host", "image-names", "versions", "whole-file", "semver", "yaml"],
  "host-problems": ["errors", "host", "lab-owner", "shell"],
  "host-check": [
    ...[
      "cluster-api",
      "cluster-facts",
      "cluster-state",
      "compatibility",
      "config",
      "errors",
      "existing-check",
      "exec",
      "whole-file",
    ],
    ...["docker-networks", "host", "host-problems", "ipaddr.js", "lab-owner", "private-ca"],
  ],
  experiments: ["shell"],
  components: ["image-names", "versions", "experiments", "errors", "@pulumi", "ipaddr.js", "yaml"],
  lab: [
    ...["artifacts", "components", "config", "docker-networks", "host", "host-check", "lab-images", "lab-outputs"],
    ...["lab-parts", "@pulumi"],
  ],
  "lab-images": ["artifacts", "components", "config", "image-names"],
  "lab-parts": ["config", "host-check"],
  "lab-outputs": ["components", "config", "experiments", "host-check", "versions", "@pulumi"],
  policies: ["@pulumi", "ipaddr.js"],
  index: [
    "artifacts",
    "components",
    "config",
    "errors",
    "exec",
    "host-check",
    "lab",
    "lab-owner",
    "lab-parts",
    "versions",
    "@pulumi",
  ],
  // It measures the cluster, not our intentions: neither the program nor the SDK.
  verify: [
    "experiments",
    "versions",
    "errors",
    "exec",
    "whole-file",
    "@kubernetes",
    "picocolors",
    "semver",
    "yaml",
    "zod",
  ],
  cli: [
    ...["verify", "experiments", "versions", "errors", "exec", "config", "host", "host-check", "host-problems"],
    ...[
      "backend",
      "cluster-api",
      "cluster-state",
      "docker-networks",
      "download",
      "artifacts",
      "image-names",
      "lab-owner",
      "whole-file",
    ],
    ...[
      "bundle-folder",
      "compatibility",
      "existing-check",
      "lab",
      "@kubernetes",
      "@observablehq",
      "@pulumi",
      "commander",
      "linkedom",
      "listr2",
      "open",
      "private-ca",
      "picocolors",
      "semver",
      "shell",
      "tar",
      "yaml",
      "zod",
    ],
  ],
};

/** What only some files may write. */
const reserved: readonly { pattern: RegExp; files: readonly string[] }[] = [
  { pattern: /"execa"|child_process"/, files: ["exec.ts", "cli/bootstrap.cjs"] },
  // A script has to poll by itself what it waits for.
  { pattern: /\bsetTimeout\b|\bsleep \d/, files: ["verify/eventually.ts", "components/scripts/image-cache.sh"] },
  { pattern: /pulumi\.Config\b|\ballConfig\(/, files: ["config.ts"] },
];

const root = join(__dirname, "../../..");
const skipped = /(^|\/)(node_modules|\.git|\.ambient-lab)(\/|$)/;
const files = readdirSync(root, { recursive: true, withFileTypes: true, encoding: "utf8" })
  .filter((entry) => entry.isFile() && /\.(ts|mts|cjs|mjs|sh)$/.test(entry.name))
  .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  .filter((file) => !skipped.test(file));
const product = files.filter((file) => !file.startsWith("test/") && file !== "vitest.config.mts");

const unitOf = (file: string) => file.split("/")[0]?.replace(/\.[jt]s$/, "") ?? "";

/** Every line of the files that a rule objects to, as `file:line  text`. */
function offences(of: readonly string[], objects: (line: string, file: string) => boolean): string[] {
  return of.flatMap((file) =>
    readFileSync(join(root, file), "utf8")
      .split("\n")
      .flatMap((line, index) => (objects(line, file) ? [`${file}:${index + 1}  ${line.trim()}`] : [])),
  );
}

/** Unit or package that a line imports from `file`; undefined for its own unit and for Node's modules. */
function imported(line: string, file: string): string | undefined {
  const target = /(?:\bfrom |\bimport |\bimport\(|\brequire\()"([^"]+)"/.exec(line)?.[1];
  if (target === undefined || target.startsWith("node:")) return undefined;
  if (!target.startsWith(".")) return target.split("/")[0];
  const unit = unitOf(normalize(join(dirname(file), target)));
  return unit === unitOf(file) ? undefined : unit;
}

describe("the architecture", () => {
  test("every module imports only what its unit may", () => {
    const typescript = product.filter((file) => file.endsWith(".ts"));
    expect(typescript.length).toBeGreaterThan(40);
    expect(
      offences(typescript, (line, file) => {
        const target = imported(line, file);
        return target !== undefined && !allowed[unitOf(file)]?.includes(target);
      }),
    ).toEqual([]);
  });

  test("a component knows another by its type alone", () => {
    const components = product.filter((file) => file.startsWith("components/"));
    const classes = components
      .filter((file) => readFileSync(join(root, file), "utf8").includes("extends pulumi.ComponentResource"))
      .map((file) => `"./${file.slice("components/".length, -".ts".length)}"`);
    expect(classes.length).toBeGreaterThan(8);
    const values = (line: string) => /^import (?!type)/.test(line) && classes.some((name) => line.includes(name));
    expect(offences(components, values)).toEqual([]);
  });

  test.each(reserved)("$pattern is written in $files alone", ({ pattern, files: owners }) => {
    for (const owner of owners) expect(product).toContain(owner);
    const others = product.filter((file) => !owners.includes(file));
    expect(offences(others, (line) => pattern.test(line))).toEqual([]);
  });

  test("no file is longer than 200 lines, and no test than 300", () => {
    const lines = (file: string) => readFileSync(join(root, file), "utf8").trimEnd().split("\n").length;
    const limit = (file: string) => (file.startsWith("test/") ? 300 : 200);
    expect(files.filter((file) => lines(file) > limit(file)).map((file) => `${file}: ${lines(file)} lines`)).toEqual(
      [],
    );
  });

  test("index.ts holds no logic of its own: it stays below 120 lines", () => {
    expect(readFileSync(join(root, "index.ts"), "utf8").split("\n").length).toBeLessThan(120);
  });
});
