import { distance } from "fastest-levenshtein";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { ExitCode, LabErrors, type Problem } from "../host/errors";
import { userinfo } from "../host/printable";
import { projectFile } from "../host/project-file";
import { shellWord } from "../host/shell";
import { contradictions } from "./cross-field-rules";
import { type ConfigKey, configKeys, configSchema, type LabConfig } from "./schema";

/**
 * Parses and checks a configuration: the values of a settings file, or the strings that the engine passes to the program.
 * @throws LabErrors (exit code 2) with every problem at once
 */
export function parseConfig(raw: Readonly<Record<string, unknown>>): LabConfig {
  const problems: Problem[] = Object.keys(raw)
    .filter((key) => !isConfigKey(key))
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

const declarationSchema = z.object({ default: z.unknown().optional(), value: z.unknown().optional() });

/**
 * The defaults of Pulumi.yaml, in each form that Pulumi reads: a declaration with `default` or `value`, or the bare value,
 * under the key or under "ambient-lab:key" (Pulumi v3.259.0, RewriteShorthandConfigValues() of
 * sdk/go/common/workspace/project.go). The engine gives them to the program with the stack's own values (mergeConfig() of
 * pkg/workspace/config.go, which takes `default` before `value`); the command line reads a stack's settings without the engine.
 */
function projectDefaults(): Record<string, unknown> {
  const { name, config } = projectFile();
  return Object.fromEntries(
    Object.entries(config).map(([key, declared]) => {
      const { data } = declarationSchema.safeParse(declared);
      const own = key.startsWith(`${name}:`) ? key.slice(name.length + 1) : key;
      return [own, data ? (data.default ?? data.value) : declared];
    }),
  );
}

/**
 * Whether a value stands for an unset key. Pulumi fails when a declared key has neither value nor default. So Pulumi.yaml has
 * the default "" or 0 for optional keys, and "" for keys whose default is a version of versions.ts.
 */
function isUnset(key: ConfigKey, value: unknown): boolean {
  const schema = configSchema.shape[key];
  if (schema instanceof z.ZodDefault) return value === "";
  return schema instanceof z.ZodOptional && (value === "" || value === 0 || value === "0");
}

/** The engine passes every value as a string: numbers, booleans and lists as JSON, which is YAML. */
function typed(key: ConfigKey, value: unknown): unknown {
  if (typeof value !== "string" || acceptsText(key)) return value;
  try {
    return parseYaml(value, { logLevel: "error" });
  } catch {
    return value;
  }
}

function acceptsText(key: ConfigKey): boolean {
  const schema = innerSchema(key);
  return schema instanceof z.ZodString || schema instanceof z.ZodEnum || schema instanceof z.ZodCIDRv4;
}

const isList = (key: string): boolean => isConfigKey(key) && innerSchema(key) instanceof z.ZodArray;

function innerSchema(key: ConfigKey): z.ZodType {
  let schema: z.ZodType = configSchema.shape[key];
  while (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) schema = schema.unwrap() as z.ZodType;
  return schema;
}

function unknownKey(key: string): Problem {
  return {
    what: `Config key "${key}" does not exist`,
    why: "An unknown key would be ignored in silence, and the lab would not be the one you asked for",
    fix: `npm run lab -- config rm ${shellWord(key)}   (did you mean "${nearestKey(key)}"?)`,
  };
}

/** A value as text for a message, without passwords in URLs. */
const shown = (value: unknown): string => JSON.stringify(value).replaceAll(userinfo, "[left out]@");

const nearestKey = (key: string): string | undefined =>
  [...configKeys].sort((a, b) => distance(a, key) - distance(b, key))[0];

const badValue = (values: Record<string, unknown>) => (issue: z.core.$ZodIssue) => {
  const [key, ...rest] = issue.path.map(String);
  const path = rest.length > 0 ? `${key}[${rest.join(".")}]` : String(key);
  const value = values[String(key)];
  if (isEncrypted(value)) return encrypted(String(key));
  return {
    what: `Config key "${path}" is refused: ${issue.message}; current value is ${shown(value)}`,
    why: "The configuration is checked before anything is made",
    fix: `npm run lab -- config set ${key} ${isList(String(key)) ? "'[VALUE]'" : "VALUE"}   (docs/reference/configuration.md#${key} has the allowed values)`,
  } satisfies Problem;
};

/** Whether a value or one of its items was written by `pulumi config set --secret` (pulumi v3.259.0, sdk/go/common/resource/config/value.go). */
function isEncrypted(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return "secure" in value || Object.values(value).some(isEncrypted);
}

const encrypted = (key: string): Problem => ({
  what: `Config key "${key}" is encrypted`,
  why: "The lab's commands read the settings without Pulumi, which alone can decrypt it",
  fix: `npm run lab -- config set ${key} VALUE   (writes it as plain text)`,
});

/** Parses the value of a key on the command line: YAML such as `30` or `[a, b]`, except for keys whose values are text. */
export const parseValue = (key: ConfigKey, text: string): unknown => typed(key, text) ?? "";

/**
 * Checks one key and its value on the command line.
 * @returns the value for the settings file
 * @throws LabErrors (exit code 2) when the key does not exist or the value is not allowed
 */
export function checkKey(key: string, text: string): unknown {
  requireKey(key);
  const value = parseValue(key, text);
  if (isUnset(key, value)) return value;
  const { error } = configSchema.shape[key].safeParse(value);
  if (!error) return value;
  const problems = error.issues.map((issue) => badValue({ [key]: value })({ ...issue, path: [key, ...issue.path] }));
  throw new LabErrors(problems, ExitCode.usage);
}

/** @throws LabErrors (exit code 2) for a key that does not exist */
export function requireKey(key: string): asserts key is ConfigKey {
  if (isConfigKey(key)) return;
  const fix = `npm run lab -- config list   (all keys; did you mean "${nearestKey(key)}"?)`;
  throw new LabErrors([{ ...unknownKey(key), fix }], ExitCode.usage);
}

/** Whether a key of the configuration exists. */
export const isConfigKey = (key: string): key is ConfigKey => Object.hasOwn(configSchema.shape, key);
