import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";

const packageSchema = z.object({
  dependencies: z.object({ "@pulumi/pulumi": z.string() }),
  devDependencies: z.object({ "@types/node": z.string() }),
});

/**
 * Writes the program of the baseline for previews and updates: no resource, and the files and packages of
 * `pulumi new typescript` (github.com/pulumi/templates, typescript/). With the lock file of the checkout, `npm install` installs
 * the locked versions, and no other packages: the engine searches every package for plugins.
 */
export function writeEmptyProgram(folder: string, root: string): void {
  const { dependencies, devDependencies } = packageSchema.parse(
    JSON.parse(readFileSync(join(root, "package.json"), "utf8")),
  );
  const runtime = { name: "nodejs", options: { packagemanager: "npm" } };
  const compilerOptions = { strict: true, target: "es2020", module: "commonjs", moduleResolution: "node" };
  const files = {
    "Pulumi.yaml": stringify({ name: "empty", runtime }),
    "package.json": JSON.stringify({ name: "empty", main: "index.ts", dependencies, devDependencies }),
    "tsconfig.json": JSON.stringify({ compilerOptions, files: ["index.ts"] }),
    "index.ts": 'import * as pulumi from "@pulumi/pulumi";\n',
  };
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  cpSync(join(root, "package-lock.json"), join(folder, "package-lock.json"));
}
