import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { cruise, type ICruiseOptions, type ICruiseResult } from "dependency-cruiser";
import { beforeAll, describe, expect, test } from "vitest";

/**
 * The folders of which files of a folder may import, and the packages from npm. Ids and tables of the modules
 * (`modules/index.ts`) are data that imports the vocabulary alone, so that every folder may use them.
 */
const folders: readonly { name: string; may: readonly string[]; packages: readonly string[] }[] = [
  { name: "host", may: [], packages: ["@kubernetes/client-node", "execa", "ipaddr.js", "yaml", "zod"] },
  {
    name: "config",
    may: ["host", "modules"],
    packages: ["@pulumi/pulumi", "fastest-levenshtein", "semver", "yaml", "zod"],
  },
  { name: "artifacts", may: ["config", "host"], packages: ["semver", "undici", "yaml", "zod"] },
  // The slices of modules add objects to the story's, and their experiments use its vocabulary.
  { name: "experiments", may: ["config", "host", "modules"], packages: [] },
  {
    name: "components",
    may: ["config", "experiments", "host"],
    packages: [
      ...["@kubernetes-models/gateway-api", "@pulumi/command", "@pulumi/docker", "@pulumi/kubernetes"],
      ...["@pulumi/pulumi", "ipaddr.js", "yaml"],
    ],
  },
  {
    name: "modules",
    may: ["components", "config", "experiments", "host"],
    packages: ["@pulumi/command", "@pulumi/kubernetes", "@pulumi/pulumi", "@pulumi/tls"],
  },
  {
    name: "preflight",
    may: ["artifacts", "config", "experiments", "host", "modules"],
    packages: ["ipaddr.js", "semver", "yaml", "zod"],
  },
  {
    name: "program",
    may: ["artifacts", "components", "config", "experiments", "host", "modules", "preflight"],
    packages: ["@pulumi/docker", "@pulumi/kubernetes", "@pulumi/pulumi"],
  },
  { name: "policies", may: [], packages: ["@pulumi/policy", "ipaddr.js"] },
  {
    name: "verify",
    may: ["config", "experiments", "host", "modules"],
    packages: ["@kubernetes/client-node", "picocolors", "semver", "yaml", "zod"],
  },
  // Who may reach what in any mesh: it knows nothing of the lab's own experiments.
  { name: "access", may: ["config", "host", "verify"], packages: ["linkedom", "picocolors", "yaml", "zod"] },
  {
    name: "cli",
    may: ["access", "artifacts", "config", "experiments", "host", "modules", "preflight", "program", "verify"],
    packages: [
      ...[
        "@cyclonedx/cyclonedx-library",
        "@kubernetes/client-node",
        "@observablehq/plot",
        "@pulumi/pulumi",
        "@swc/core",
        "commander",
      ],
      ...["linkedom", "open", "packageurl-js", "picocolors", "pirates", "semver", "tar", "yaml", "zod"],
    ],
  },
];

/** Patterns that only the named files may contain. */
const reserved: readonly { pattern: RegExp; files: readonly string[] }[] = [
  { pattern: /"execa"|child_process"/, files: ["host/exec.ts", "cli/bootstrap.cjs"] },
  // A script has to wait by itself.
  { pattern: /\bsetTimeout\b|\bsleep \d/, files: ["verify/eventually.ts", "components/scripts/image-cache.sh"] },
  { pattern: /pulumi\.Config\b|\ballConfig\(/, files: ["config/stack-config.ts"] },
];

const root = join(import.meta.dirname, "../../..");
const product = ["index.ts", "tools", ...folders.map(({ name }) => name)];

/** The import graph, type imports included, as dependency-cruiser reads it. */
async function graph(rules: ICruiseOptions): Promise<ICruiseResult> {
  const { output } = await cruise(product, {
    baseDir: root,
    // Imports of types alone tie files together for a reader just as others do.
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    validate: true,
    ...rules,
  });
  if (typeof output === "string") throw new TypeError("dependency-cruiser returned text");
  return output;
}

const folderRules = folders.map(({ name, may }) => ({
  name: `imports of ${name}`,
  severity: "error" as const,
  from: { path: `^${name}/` },
  to: {
    dependencyTypesNot: ["core"],
    path: "^[^/]+\\.ts$|^[^/]+/",
    pathNot: [`^(${[name, ...may].join("|")})/`, "^node_modules/"],
  },
}));

const packageRules = folders.map(({ name, packages }) => ({
  name: `packages of ${name}`,
  severity: "error" as const,
  from: { path: `^${name}/` },
  to: { path: "^node_modules/", pathNot: packages.map((each) => `^node_modules/(@types/)?${each}/`) },
}));

describe("the architecture", () => {
  let found: ICruiseResult;

  beforeAll(async () => {
    found = await graph({
      ruleSet: {
        forbidden: [
          { name: "no cycles", severity: "error", from: {}, to: { circular: true } },
          // The verifier measures the cluster and not the program's intentions.
          {
            name: "the verifier does not reach the Pulumi SDK",
            severity: "error",
            from: { path: "^verify/" },
            to: { path: "^node_modules/@pulumi/", reachable: true },
          },
          {
            name: "the tables of the modules import the vocabulary alone",
            severity: "error",
            from: { path: "^modules/(index|slice|[^/]+/objects)\\.ts$" },
            to: {
              pathNot: [
                "^modules/(index|slice|[^/]+/objects)\\.ts$",
                "^config/(vocabulary|versions|image-names)\\.ts$",
              ],
            },
          },
          ...folderRules,
          ...packageRules,
        ],
      },
    });
  }, 60_000);

  // Vitest finds "x.ts" for "x.js"; the hook that compiles the command line does not.
  test("a dynamic import names a file that is there", () => {
    const files = readdirSync(join(root, "cli"), { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".ts"),
    );
    const imports = files.flatMap((file) => {
      const path = join(root, "cli", file);
      return [...readFileSync(path, "utf8").matchAll(/\bimport\("(\.[^"]+)"\)/g)].map(([, to = ""]) =>
        join(dirname(path), to),
      );
    });
    expect(imports.length).toBeGreaterThan(5);
    expect(imports.filter((path) => !existsSync(path))).toEqual([]);
  });

  test("no file imports what its folder may not, directly or in a cycle", () => {
    expect(found.summary.totalCruised).toBeGreaterThan(300);
    const lines = found.summary.violations.map(({ rule, from, to, cycle }) =>
      [`${rule.name}: ${from} -> ${to}`, ...(cycle ?? []).map((step) => step.name)].join(" -> "),
    );
    expect([...new Set(lines)]).toEqual([]);
  });

  test("the rules find an import that they forbid", async () => {
    const { summary } = await graph({
      ruleSet: {
        forbidden: [
          {
            name: "control",
            severity: "error",
            from: { path: "^program/" },
            to: { path: "^node_modules/@pulumi/", reachable: true },
          },
        ],
      },
    });
    expect(summary.violations.length).toBeGreaterThan(0);
  }, 60_000);

  test("a component imports another component's type alone", () => {
    const files = sources("components");
    const classes = files
      .filter((file) => read(file).includes("extends pulumi.ComponentResource"))
      .map((file) => `"./${file.slice("components/".length, -".ts".length)}"`);
    expect(classes.length).toBeGreaterThan(8);
    const values = (line: string) => /^import (?!type)/.test(line) && classes.some((name) => line.includes(name));
    expect(linesOf(files, values)).toEqual([]);
  });

  test.each(reserved)("$pattern occurs in $files alone", ({ pattern, files: owners }) => {
    const files = product.flatMap(sources);
    for (const owner of owners) expect(files).toContain(owner);
    const others = files.filter((file) => !owners.includes(file));
    expect(linesOf(others, (line) => pattern.test(line))).toEqual([]);
  });
});

const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** Files of a folder that hold code; of a file, the file itself. */
function sources(place: string): string[] {
  if (place.endsWith(".ts")) return [place];
  return readdirSync(join(root, place), { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile() && /\.(ts|cjs|sh)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

/** Every line that a rule matches, as `file:line  text`. */
function linesOf(files: readonly string[], matches: (line: string) => boolean): string[] {
  return files.flatMap((file) =>
    read(file)
      .split("\n")
      .flatMap((line, index) => (matches(line) ? [`${file}:${index + 1}  ${line.trim()}`] : [])),
  );
}
