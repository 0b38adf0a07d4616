import type { Command, Option } from "commander";
import { UsageError } from "../../host/errors";
import { shellWord } from "../../host/shell";

/**
 * Options of the lab that are also settings of npm (@npmcli/config, lib/definitions/definitions.js). Their variables may come
 * from a user's .npmrc.
 */
export const npmKeys: ReadonlySet<string> = new Set([
  "browser",
  "diff",
  "dry-run",
  "json",
  "only",
  "quiet",
  "verbose",
  "yes",
]);

/** An option that npm did not pass on; `value` is absent when npm passed it as an argument, or when the option has none. */
interface Swallowed {
  option: Option;
  value?: string;
}

/**
 * Refuses a command line whose options npm used as its own settings: `npm run destroy --stack=alice` runs `destroy` without an
 * option and with the variable `npm_config_stack=alice` (@npmcli/config, lib/set-envs.js). yarn and pnpm pass such options to
 * the script and set no such variable.
 * @param args the arguments that npm passed
 * @throws UsageError with the correct command line
 */
export function refuseSwallowedOptions(program: Command, args: readonly string[], env: NodeJS.ProcessEnv): void {
  const { npm_lifecycle_event: script } = env;
  if (script === undefined) return;
  // In "npm run lab --stack alice status" the option's value comes first.
  const command = args.flatMap((arg) => program.commands.find((each) => each.name() === arg) ?? [])[0];
  if (!command) return;
  const at = args.indexOf(command.name());
  const others = args.filter((_, index) => index !== at);
  const swallowed = swallowedOptions(command, others, env);
  if (swallowed.length === 0) return;
  const name = command.name();
  const words = rebuilt(command, others, swallowed)?.map(shellWord).join(" ") ?? "--help";
  throw new UsageError({
    what: `npm did not pass ${swallowed.map(({ option }) => `"${option.long}"`).join(", ")} to the command`,
    why: `npm passes only the options after "--" and keeps the others as its own settings; without them "${name}" does something else`,
    fix: `npm run ${script === name ? `${name} --` : `lab -- ${name}`} ${words}`,
  });
}

function swallowedOptions(command: Command, others: readonly string[], env: NodeJS.ProcessEnv): Swallowed[] {
  const typed = (option: Option) =>
    others.some((arg) => arg.split("=")[0] === option.long || (option.short && arg.startsWith(option.short)));
  return command.options
    .filter((option) => !typed(option))
    .flatMap((option) => {
      const name = (option.long ?? "").replace(/^--(no-)?/, "");
      const setting = npmKeys.has(name) ? undefined : env[`npm_config_${name.replaceAll("-", "_")}`];
      if (setting !== undefined) return isMeant(option, setting) ? [asSwallowed(option, setting)] : [];
      // npm's "-c" is --call, a whole command: one that runs npm has a space in it.
      if (option.short === "-c" && /^\w+=\S*$/.test(env.npm_config_call ?? "")) {
        return [{ option, value: env.npm_config_call ?? "" }];
      }
      // npm's "-s" is --loglevel silent, which is a mistake only if a word is left over. A word behind an option is its value.
      const leftOver = command.registeredArguments.length === 0 && others[0]?.startsWith("-") === false;
      return option.short === "-s" && env.npm_config_loglevel === "silent" && leftOver ? [{ option }] : [];
    });
}

/** Whether a variable stands for the option: npm writes `true` for a flag and an empty value for a negated flag. */
function isMeant(option: Option, setting: string): boolean {
  if (option.required) return true;
  return option.negate ? setting !== "true" : setting !== "" && setting !== "false";
}

/** For `--stack alice` npm sets the variable to `true` and passes `alice` as an argument. */
const asSwallowed = (option: Option, value: string): Swallowed =>
  option.required && value !== "true" ? { option, value } : { option };

/** The arguments with the options added; undefined if the values cannot be assigned to options unambiguously. */
function rebuilt(command: Command, others: readonly string[], swallowed: readonly Swallowed[]): string[] | undefined {
  const firstOption = others.findIndex((arg) => arg.startsWith("-"));
  let words = firstOption < 0 ? [...others] : others.slice(0, firstOption);
  const rest = firstOption < 0 ? [] : others.slice(firstOption);
  const options: string[][] = [];
  const waiting = swallowed.filter(({ option, value }) => option.required && value === undefined).length;
  for (const { option, value } of swallowed) {
    const taken = option.required && value === undefined ? valuesOf(option, words, waiting) : [];
    const values = value === undefined ? taken : [value];
    if (option.required && !values[0]) return undefined;
    words = words.filter((word) => !taken.includes(word));
    options.push([option.long ?? "", ...values]);
  }
  // The command does not accept an argument.
  if (words.length > 0 && command.registeredArguments.length === 0) return undefined;
  return [...words, ...rest, ...options.flat()];
}

/** Words that can only be the value of this option. */
function valuesOf(option: Option, words: readonly string[], waiting: number): readonly string[] {
  const pairs = words.filter((word) => word.includes("="));
  if (option.long === "--config") return pairs;
  const others = waiting === 1 ? words : words.filter((word) => !word.includes("="));
  return waiting === 1 || others.length === 1 ? others.slice(-1) : [];
}
