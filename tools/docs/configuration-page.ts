import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { parseConfig } from "../../config/load";
import { type ConfigKey, configKeys, configSchema } from "../../config/schema";
import { variables } from "./variables";

/** The declarations of the keys in Pulumi.yaml. */
const projectSchema = z.object({
  config: z.record(z.string(), z.object({ type: z.string(), description: z.string() })),
});

/** The fields of a JSON Schema that the page shows. */
interface Rule {
  type?: string;
  enum?: readonly unknown[];
  minimum?: number;
  maximum?: number;
  pattern?: string;
  minItems?: number;
  items?: Rule;
}

/**
 * The reference page of the stack's configuration: meaning and type come from Pulumi.yaml, allowed values and defaults from
 * the schema.
 * @param projectFile text of Pulumi.yaml
 * @throws ZodError for a project file that declares a key without type or description
 */
export function configurationPage(projectFile: string): string {
  const { config: declared } = projectSchema.parse(parseYaml(projectFile));
  const rules = (z.toJSONSchema(configSchema, { io: "input" }).properties ?? {}) as Record<string, Rule>;
  const row = (key: ConfigKey) => {
    const { type, description } = declared[key] ?? { type: "", description: "" };
    return cells(
      `<a id="${key}"></a>\`${key}\``,
      type,
      allowed(key, rules[key] ?? {}),
      defaultOf(key),
      `${description}.`,
    );
  };
  return [
    "# Configuration",
    "",
    "For everyone who changes a setting of the lab.",
    "",
    "Generated from `Pulumi.yaml` and `config/schema.ts` by `npm run docs`; a test fails when it is out of date.",
    "",
    "A key is set for one stack and stored in `Pulumi.<stack>.yaml`. All keys are checked before anything is made, and all problems",
    "are reported at once. An unknown key is refused, with the most similar known key.",
    "",
    "```sh",
    "npm run lab -- config set faultPercent 30",
    "npm run lab -- config set addons '[prometheus, kiali]'  # a list; '[]' is an empty one",
    "npm run lab -- config list                              # all keys with their values",
    "npm run lab -- config rm faultPercent                   # back to the default",
    "npm run up -- --config 'allowedCallers=[]' faultPercent=30   # sets keys and applies them",
    "npm run preview                                         # shows the effect of the change",
    "npm run preview -- --config faultPercent=30             # shows the effect of a change without setting it",
    "```",
    "",
    "## Keys",
    "",
    cells("key", "type", "allowed", "default", "meaning"),
    "|---|---|---|---|---|",
    ...configKeys.map(row),
    "",
    "## Environment variables",
    "",
    cells("variable", "meaning"),
    "|---|---|",
    ...variables.map(({ name, meaning }) => cells(`\`${name}\``, meaning)),
    "",
  ].join("\n");
}

const cells = (...texts: readonly string[]) => `| ${texts.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
const code = (value: unknown) => `\`${Array.isArray(value) ? `[${value.join(", ")}]` : String(value)}\``;
const codes = (values: readonly unknown[]) => values.map(code).join(", ");

function defaultOf(key: ConfigKey): string {
  const value = parseConfig({})[key];
  return value === undefined ? "not set" : code(value);
}

/** The allowed values of a key, in words. */
function allowed(key: ConfigKey, rule: Rule): string {
  if (rule.enum) return codes(rule.enum);
  if (rule.type === "boolean") return codes([true, false]);
  if (rule.type === "integer") return `${rule.minimum} to ${rule.maximum}`;
  if (rule.type !== "array") return rule.pattern ? demanded(key, blank) : "any text";
  const least = rule.minItems ? `, at least ${rule.minItems}` : "";
  return rule.items?.enum ? `any of ${codes(rule.items.enum)}${least}` : `each ${demanded(key, [blank])}${least}`;
}

/** A value that no pattern allows. */
const blank = " ";

/** The schema's error message for an invalid value, without "must be". */
function demanded(key: ConfigKey, value: unknown): string {
  const parsed = configSchema.shape[key].safeParse(value);
  if (parsed.success) throw new RangeError(`Config key "${key}" has a pattern, and takes ${JSON.stringify(value)}`);
  return (parsed.error.issues[0]?.message ?? "").replace(/^must be /, "");
}
