import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { configKeys, configSchema } from "../../../config/schema";
import { configurationPage } from "../../../tools/docs/configuration-page";
import { variables } from "../../../tools/docs/variables";

const root = join(__dirname, "../../..");
const projectFile = readFileSync(join(root, "Pulumi.yaml"), "utf8");
const page = configurationPage(projectFile);
/** Cells of the table's row about a key. */
const row = (key: string) => (new RegExp(`^\\| <a id="${key}">.*$`, "m").exec(page)?.[0] ?? "").split(" | ");

describe("docs/reference/configuration.md", () => {
  it("is what Pulumi.yaml and the loader say (npm run docs)", async () => {
    await expect(page).toMatchFileSnapshot(join(root, "docs/reference/configuration.md"));
  });

  it.each(configKeys)("says of %s its type, what is allowed, the default and a meaning", (key) => {
    const [, type, allowed, standard, meaning] = row(key);
    expect(type).toMatch(/^(string|integer|boolean|array)$/);
    expect([allowed, standard].every((text) => text && !/undefined|Invalid/.test(text))).toBe(true);
    expect(meaning).toMatch(/^.{10,}\. \|$/);
  });

  it.each(configKeys)("promises for %s nothing that the loader refuses", (key) => {
    const values = [...(row(key)[2] ?? "").matchAll(/`([^`]+)`/g)].map(([, value = ""]) => parse(value));
    for (const value of values) {
      expect(configSchema.shape[key].safeParse(row(key)[1] === "array" ? [value] : value)).toMatchObject({
        data: expect.anything(),
      });
    }
  });

  it("takes meanings from the project file alone, and refuses a key without a type", () => {
    const without = projectFile.replace(/ {2}faultPercent:\n(?: {4}.*\n)+/, "");
    expect(configurationPage(without)).not.toContain("Share of the requests that are delayed");
    expect(() => configurationPage(projectFile.replace(/^ {4}type: .*$/m, ""))).toThrow();
  });

  it("names no variable that nobody reads", () => {
    const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter(
        (file) =>
          /^((cli|host|preflight)\/|[a-z-]+\.ts$)/.test(file) && file.endsWith(".ts") && !file.endsWith("variables.ts"),
      )
      .map((file) => readFileSync(join(root, file), "utf8"))
      .join("\n");
    for (const { name } of variables) expect(sources).toMatch(new RegExp(`\\b${name}\\b`));
  });
});
