import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";

/** What `pulumi new typescript` asks npm for (github.com/pulumi/templates, typescript/package.json). */
const wanted = ["@pulumi/pulumi", "@types/node"];

/** Strict types that are checked, as a new project's are. */
const compilerOptions = { strict: true, target: "es2020", module: "commonjs", moduleResolution: "node" };

/**
 * Writes the floor of every preview and update: a program without a resource, as `pulumi new typescript` and `npm install`
 * leave it. Its packages are those of the checkout, and no others: the engine looks through all of them for plugins.
 */
export function writeEmptyProgram(folder: string, root: string): void {
  mkdirSync(folder, { recursive: true });
  for (const path of packagesOf(root, wanted)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    symlinkSync(join(root, path), join(folder, path));
  }
  const runtime = { name: "nodejs", options: { packagemanager: "npm" } };
  writeFileSync(join(folder, "Pulumi.yaml"), stringify({ name: "empty", runtime }));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, main: "index.ts" }));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["index.ts"] }));
  writeFileSync(join(folder, "index.ts"), 'import * as pulumi from "@pulumi/pulumi";\n');
}

const needs = z.record(z.string(), z.string()).default({});
const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ dependencies: needs, optionalDependencies: needs })),
});

/** Folders below `node_modules` of some packages and of all that they need. What lies within another's folder comes with it. */
export function packagesOf(root: string, names: readonly string[]): string[] {
  const { packages } = lockSchema.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
  const found = new Set<string>();
  const add = (name: string, from: string) => {
    const path = nearest(name, from, packages);
    const entry = path === undefined ? undefined : packages[path];
    if (path === undefined || entry === undefined || found.has(path)) return;
    found.add(path);
    for (const each of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) add(each, path);
  };
  for (const name of names) add(name, "");
  return [...found].filter((path) => path.lastIndexOf(nested) === 0).sort();
}

const nested = "node_modules/";

/** Where Node.js finds a package from another one's folder; undefined for one of another system. */
function nearest(name: string, from: string, packages: Readonly<Record<string, unknown>>): string | undefined {
  const path = `${from ? `${from}/` : ""}${nested}${name}`;
  if (path in packages) return path;
  return from ? nearest(name, from.slice(0, from.lastIndexOf(nested)).replace(/\/$/, ""), packages) : undefined;
}
