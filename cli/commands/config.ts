import { Argument, type Command } from "commander";
import { checkKey, isConfigKey, parseConfig, requireKey } from "../../config/load";
import { type ConfigKey, configKeys } from "../../config/schema";
import { formatProblem, ofStack, type Problem, UsageError } from "../../host/errors";
import { shellWord } from "../../host/shell";
import { tableLines } from "../../host/table";
import { readSettings, setConfig, settingsName, unsetConfig } from "../stack/settings";
import { resolveStack, stackToName } from "../stack/stack-name";
import type { Io } from "../terminal/io";
import { type CommandContext, common, examples, json, jsonText } from "./common";

const actions = ["set", "get", "list", "rm"] as const;
type Action = (typeof actions)[number];

interface ConfigOptions {
  stack?: string;
  json?: boolean;
}

/** `config`: reads and changes the stack's settings file, without Pulumi and before the stack exists. */
export function registerConfig(program: Command, { io }: CommandContext): void {
  const command = program
    .command("config")
    .description("set, get, list or remove keys of the stack's configuration; needs Node.js only")
    .addArgument(new Argument("<action>").choices(actions))
    .argument("[key]", "key of the configuration")
    .argument("[value]", "value; a list is written '[a, b]'");
  examples(
    json(common(command)),
    "npm run lab -- config set faultPercent 30",
    "npm run lab -- config set addons '[prometheus, kiali]' --stack alice",
    "npm run lab -- config get faultPercent",
    "npm run lab -- config rm faultPercent",
    "npm run lab -- config list",
  );
  command.action((action: Action, key: string | undefined, value: string | undefined, options: ConfigOptions) => {
    const stack = resolveStack(options.stack, io);
    const given = [key, value].filter((each) => each !== undefined).length;
    const wanted = { list: 0, get: 1, rm: 1, set: 2 }[action];
    if (given !== wanted) throw wrongNumber(action, key);
    if (action === "list") return list(io, stack, options);
    if (key === undefined) return;
    if (action === "get") get(io, stack, key, options);
    else if (action === "rm") remove(io, stack, key);
    else set(io, stack, { key, value: value ?? "" }, options);
  });
}

function set(io: Io, stack: string, { key, value }: { key: string; value: string }, options: ConfigOptions): void {
  const left = setConfig(io.root, stack, key, value);
  io.stdout.write(`${key} is ${shown(checkKey(key, value))} in ${settingsName(stack)}\n`);
  printProblems(io, left, options);
}

function remove(io: Io, stack: string, key: string): void {
  const removed = unsetConfig(io.root, stack, [key]);
  if (!removed) requireKey(key);
  const now = isConfigKey(key) ? `: its default is ${shown(parseConfig({})[key])}` : "";
  io.stdout.write(`${key} is ${removed ? "no longer" : "not"} set in ${settingsName(stack)}${now}\n`);
}

function get(io: Io, stack: string, key: string, options: ConfigOptions): void {
  requireKey(key);
  const { value } = rows(io, stack).find((row) => row.key === key) ?? {};
  io.stdout.write(options.json ? jsonText(value ?? null) : `${shown(value)}\n`);
}

function list(io: Io, stack: string, options: ConfigOptions): void {
  const all = rows(io, stack);
  const lines = tableLines(all.map(({ key, value, set: own }) => [`${own ? "*" : " "} ${key}`, shown(value)]));
  io.stdout.write(options.json ? jsonText(all) : `${lines.join("\n")}\n\n* set in ${settingsName(stack)}\n`);
  printProblems(io, readSettings(io.root, stack).problems, options);
}

interface Row {
  key: string;
  value?: unknown;
  /** Whether the settings file has it. */
  set: boolean;
}

/** Every key of the configuration, then the unknown keys of the file. */
function rows(io: Io, stack: string): Row[] {
  const own = readSettings(io.root, stack).set;
  const defaults = parseConfig({});
  const others = Object.keys(own).filter((key) => !isConfigKey(key));
  const row = (key: ConfigKey): Row => ({ key, value: own[key] ?? defaults[key], set: own[key] !== undefined });
  return [...configKeys.map(row), ...others.map((key) => ({ key, value: own[key], set: true }))];
}

/** A value as `config set` accepts it. */
function shown(value: unknown): string {
  if (value === undefined || value === "") return "not set";
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  return typeof value === "object" ? "encrypted" : String(value);
}

/** Prints the problems that stop the next `up`: of contradicting keys, and those that existed before. */
function printProblems(io: Io, problems: readonly Problem[], options: ConfigOptions): void {
  if (problems.length === 0) return;
  const stack = stackToName(options.stack, io);
  const text = problems.map((problem) => formatProblem(ofStack(problem, stack))).join("\n");
  io.stderr.write(`! "npm run up" refuses this configuration${text}\n`);
}

function wrongNumber(action: Action, key: string | undefined): UsageError {
  const forms = { list: "", get: " KEY", rm: " KEY", set: " KEY VALUE" };
  const fix =
    key === undefined || action === "list"
      ? "list"
      : action === "set"
        ? `get ${shellWord(key)}`
        : `${action} ${shellWord(key)}`;
  return new UsageError({
    what: `"config ${action}" takes the form: config ${action}${forms[action]}`,
    why: "A value with spaces or brackets is one argument in quotes, such as '[prometheus, kiali]'",
    fix: `npm run lab -- config ${fix}`,
  });
}
