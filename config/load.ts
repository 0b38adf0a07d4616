import { readFileSync } from "node:fs";
import { join } from "node:path";
import { distance } from "fastest-levenshtein";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { ExitCode, LabErrors, type Problem } from "../host/errors";
import { contradictions } from "./cross-field-rules";
import { type ConfigKey, configKeys, configSchema, type LabConfig } from "./schema";

/**
 * Checks raw values: those of a stack file, or the strings the engine hands to a program.
 * @throws LabErrors (exit code 2) with every problem at once
 */
export function parseConfig(raw: Readonly<Record<string, unknown>>): LabConfig {
  const problems: Problem[] = Object.keys(raw)
    .filter((key) => !Object.hasOwn(configSchema.shape, key))
    .map(unknownKey);
  const defaults = projectDefaults();
  const values = Object.fromEntries(
    configKeys
      .map((key) => [key, raw[key] === undefined ? defaults[key] : raw[key]] as const)
      .filter(([key, value]) => !isUnset(key, value))
      .map(([key, value]) => [key, typed(key, value)]),
  );
  const parsed = configSchema.safeParse(values);
  if (!parsed.success) problems.push(...parsed.error.issues.map(badValue(values)));
  if (parsed.success) problems.push(...contradictions(parsed.data));
  if (problems.length > 0 || !parsed.success) throw new LabErrors(problems, ExitCode.usage);
  return parsed.data;
}

const projectSchema = z.object({ config: z.record(z.string(), z.object({ default: z.unknown() })) });

/**
 * The defaults of Pulumi.yaml. The engine gives them to the program with the stack's own values (Pulumi v3.259.0,
 * mergeConfig() of pkg/workspace/config.go); the command line reads a stack's settings without the engine.
 */
function projectDefaults(): Record<string, unknown> {
  const { config } = projectSchema.parse(parseYaml(readFileSync(join(__dirname, "..", "Pulumi.yaml"), "utf8")));
  return Object.fromEntries(Object.entries(config).map(([key, declared]) => [key, declared.default]));
}

/**
 * Whether a key is left to the schema. Pulumi ends every operation when a declared key has neither value nor default, so
 * Pulumi.yaml has the default "" or 0 for keys that are optional and for keys whose default is a pin of versions.ts.
 */
function isUnset(key: ConfigKey, value: unknown): boolean {
  const schema = configSchema.shape[key];
  if (schema instanceof z.ZodDefault) return value === "";
  return schema instanceof z.ZodOptional && (value === "" || value === 0 || value === "0");
}

/** The engine hands every value over as a string; numbers, booleans and lists come as YAML's subset JSON. */
function typed(key: ConfigKey, value: unknown): unknown {
  if (typeof value !== "string" || acceptsText(key)) return value;
  try {
    return parseYaml(value);
  } catch {
    return value;
  }
}

function acceptsText(key: ConfigKey): boolean {
  let schema: z.ZodType = configSchema.shape[key];
  while (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) schema = schema.unwrap() as z.ZodType;
  return schema instanceof z.ZodString || schema instanceof z.ZodEnum || schema instanceof z.ZodCIDRv4;
}

function unknownKey(key: string): Problem {
  const [nearest] = [...configKeys].sort((a, b) => distance(a, key) - distance(b, key));
  return {
    what: `Config key "${key}" does not exist`,
    why: "An unknown key would be ignored in silence, and the lab would not be the one you asked for",
    fix: `pulumi config rm ${key}   (did you mean "${nearest}"?)`,
  };
}

/** A value for a message, without the user names and passwords of URLs. */
const shown = (value: unknown): string => JSON.stringify(value).replaceAll(/:\/\/[^\s/"@]*@/g, "://[left out]@");

const badValue = (values: Record<string, unknown>) => (issue: z.core.$ZodIssue) => {
  const [key, ...rest] = issue.path.map(String);
  const path = rest.length > 0 ? `${key}[${rest.join(".")}]` : String(key);
  return {
    what: `Config key "${path}" is refused: ${issue.message}; current value is ${shown(values[String(key)])}`,
    why: `"pulumi config" accepts any text; the lab checks it before anything is made`,
    fix: `pulumi config set ${rest.length > 0 ? `--path '${path}'` : path} VALUE   (allowed values: Pulumi.yaml, key "${key}")`,
  } satisfies Problem;
};
