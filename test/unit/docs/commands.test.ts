import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { commandLine } from "../../../cli/run";
import { changeConfig } from "../../../cli/stack/settings";
import { parseConfig } from "../../../config/load";
import { configKeys } from "../../../config/schema";
import { experiments } from "../../../experiments";
import { benchProgram } from "../../../tools/bench/command";
import { variables } from "../../../tools/docs/variables";
import {
  commandsIn,
  commandsOf,
  filled,
  fixCommands,
  pages,
  type ShownCommand,
  shown,
  workflowCommands,
} from "../../support/shell-commands";
import { checkout, fakeIo } from "../cli/world";

const scripts: Record<string, string> = JSON.parse(
  readFileSync(join(__dirname, "../../../package.json"), "utf8"),
).scripts;

/** Variables of other programs, as docs/offline.md has them from their own pages. */
const foreign = ["NO_PROXY", "no_grpc_proxy", "NODE_EXTRA_CA_CERTS", "PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES", "PATH"];

/** Keys that say something about an existing cluster; alone they are refused. */
const ofExisting = ["cluster", "kubeconfig", "context", "platform", "addressRange", "gatewayAnnotations"];

/** Commands of other programs; test/integration/docs.test.ts asks the programs themselves. */
const elsewhere =
  /^(docker|kind|kubectl|git|sudo (sysctl|usermod -aG docker)|pulumi (stack|up|preview|destroy|cancel|new)|npm config set)\b/;

/** The lab's commands and the benchmark's, which are parsed and do nothing. */
function idle(seen: { command?: Command }, io = fakeIo()): Command {
  const program = commandLine({ io, end: () => undefined, note: () => undefined });
  for (const command of benchProgram(io, () => undefined).commands) program.addCommand(command);
  for (const command of program.commands) {
    command.action(() => {
      seen.command = command;
    });
  }
  return program;
}

/** What is wrong with a command; nothing for a good one. */
function flaw({ words: shownWords }: Pick<ShownCommand, "words">): string | undefined {
  const words = shownWords.map(filled);
  const [program, verb, noun = ""] = words;
  if (program === "npm" && (verb === "run" || verb === "test"))
    return scriptFlaw(words.filter((word) => word !== "--silent"));
  if (program === "npm" && verb === "ci") return undefined;
  if (program === "npx" && verb === "vitest") return undefined;
  if (program === "pulumi" && verb === "config") return configFlaw(words.slice(2));
  if (program === "export") return exportFlaw(verb ?? "");
  return elsewhere.test(words.join(" ")) ? undefined : `nobody checks "${program} ${verb} ${noun}"`;
}

function scriptFlaw([, verb, ...rest]: readonly string[]): string | undefined {
  const script = verb === "test" ? "test" : (rest.shift() ?? "");
  if (!Object.hasOwn(scripts, script)) return `package.json has no script "${script}"`;
  const line = scripts[script]?.replace("tsx tools/bench/main.ts", "node cli/bootstrap.cjs bench") ?? "";
  const [, ownVerb] = /^node cli\/bootstrap\.cjs ?(\w*)$/.exec(line) ?? [];
  if (ownVerb === undefined) return rest.length > 0 ? `arguments of "${script}" are not checked` : undefined;
  if (rest.length > 0 && rest.shift() !== "--") return "npm takes the arguments without --";
  return labFlaw([...(ownVerb ? [ownVerb] : []), ...rest]);
}

function labFlaw(args: readonly string[]): string | undefined {
  const seen: { command?: Command } = {};
  try {
    idle(seen).parse(args, { from: "user" });
  } catch (error) {
    return Reflect.get(Object(error), "exitCode") === 0 ? undefined : String(error);
  }
  const { only = [], explain, config = [] } = seen.command?.opts() ?? {};
  const ids = seen.command?.name() === "verify" ? [...seen.command.args, ...only, ...(explain ? [explain] : [])] : [];
  const unknown = ids.find((id) => !experiments.some((experiment) => experiment.id === id));
  if (unknown) return `no experiment is named "${unknown}"`;
  return refusal(() => changeConfig(checkout(), "dev", config));
}

function refusal(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

function configFlaw(words: readonly string[]): string | undefined {
  const [action, ...rest] = words.filter(
    (word, index) => word !== "--path" && !/^--stack$/.test(words[index - 1] ?? "") && word !== "--stack",
  );
  const [, key = "", index] = /^(\w+)(?:\[(\d+)\])?$/.exec(rest[0] ?? "") ?? [];
  if (!configKeys.some((known) => known === key)) return `there is no key "${key}"`;
  if (action === "rm") return rest.length === 1 ? undefined : "rm takes a key";
  if (action !== "set" || (rest.length !== 2 && rest[1] !== "VALUE"))
    return `"${action}" is not known, or lacks a value`;
  const given = index === undefined ? rest[1] : [rest[1]];
  const companions = ofExisting.includes(key)
    ? { cluster: "existing", kubeconfig: "k", context: "c", appImage: "registry.test/httpbin:1" }
    : {};
  return refusal(() => parseConfig({ ...companions, [key]: given }));
}

function exportFlaw(assignment: string): string | undefined {
  const [, name = ""] = /^(\w+)=/.exec(assignment) ?? [];
  const known = variables.some((variable) => variable.name === name) || foreign.includes(name);
  return known ? undefined : `nobody reads "${name}"`;
}

const flaws = (commands: readonly ShownCommand[]) =>
  commands.flatMap((command) => {
    const found = flaw(command);
    return found ? [`${command.where}: ${command.text}: ${found}`] : [];
  });

describe("every command that is shown is one that can be typed", () => {
  test.each(pages)("in %s", (page) => expect(flaws(commandsOf(page))).toEqual([]));

  test("in the workflows", () => {
    expect(workflowCommands().length).toBeGreaterThan(5);
    expect(flaws(workflowCommands())).toEqual([]);
  });

  test.each(idle({}).commands.map((command) => command.name()))("in the help of %s", (verb) => {
    const io = fakeIo();
    const program = idle({}, io);
    expect(() => program.parse([verb, "--help"], { from: "user" })).toThrow();
    const lines = [...io.out().matchAll(/^ {2}\$ (.*)$/gm)].map(([, line = ""]) => line);
    expect(lines.length).toBeGreaterThan(0);
    expect(flaws(lines.flatMap((line) => shown(line, `${verb} --help`)))).toEqual([]);
  });

  test("in the Fix of a problem", () => {
    const fixes = fixCommands();
    expect(fixes.length).toBeGreaterThan(25);
    expect(flaws(fixes)).toEqual([]);
  });

  test.each([
    ["npm run nothing", /no script/],
    ["npm run up --yes", /without --/],
    ["npm run lab -- nothing", /unknown command/],
    ["npm run lab -- verify --nothing", /unknown option/],
    ["npm run lab -- verify nothing", /no experiment/],
    ["npm run lab -- open nothing", /Allowed choices/],
    ["npm run up -- --config nothing=1", /does not exist/],
    ["pulumi config set nothing 1", /no key/],
    ["pulumi config set faultPercent 101", /refused/],
    ["pulumi config set --path 'allowedCallers[0]' nobody", /refused/],
    ["export NOTHING=1", /nobody reads/],
    ["make coffee", /nobody checks/],
  ])("and a wrong one is noticed: %s", (line, wanted) => {
    expect(flaws(commandsIn(`\`\`\`sh\n${line}   # why\n\`\`\`\n`, "page")).join()).toMatch(wanted);
  });
});

test("a page's commands are found in blocks and sentences, with the output that follows", () => {
  const page =
    "Say `npm run up`,\nor `npm run lab --\nlist`.\n```sh\na 'b c' && d  # e\n\n```\nthen\n```text\nf\n```\n";
  expect(commandsIn(page, "p").map(({ where, words, output }) => ({ where, words, output }))).toEqual([
    { where: "p:5", words: ["a", "b c"], output: undefined },
    { where: "p:5", words: ["d"], output: ["f"] },
    { where: "p", words: ["npm", "run", "up"], output: undefined },
    { where: "p", words: ["npm", "run", "lab", "--", "list"], output: undefined },
  ]);
});
