import { readdirSync, readFileSync } from "node:fs";
import { join, parse } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { commandLine, run } from "../../../cli/run";
import { changeConfig } from "../../../cli/stack/settings";
import { isConfigKey, parseConfig } from "../../../config/load";
import type { ConfigKey } from "../../../config/schema";
import { versions } from "../../../config/versions";
import { experiments } from "../../../experiments";
import { ofStack } from "../../../host/errors";
import { benchProgram } from "../../../tools/bench/command";
import { variables } from "../../../tools/docs/variables";
import { sessions, typed } from "../../../tools/pictures/sessions";
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
import { checkout, fakeExec, fakeIo } from "../cli/world";

const scripts: Record<string, string> = JSON.parse(
  readFileSync(join(__dirname, "../../../package.json"), "utf8"),
).scripts;

/** Variables of other programs, as docs/how-to/work-offline.md has them from their own pages. */
const foreign = ["NO_PROXY", "no_grpc_proxy", "NODE_EXTRA_CA_CERTS", "PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES", "PATH"];

const defaults = parseConfig({});
const fixes = fixCommands();

/** Commands of other programs; test/integration/docs.test.ts asks the programs themselves. */
const elsewhere =
  /^(docker|kind|kubectl|git|sudo (sysctl|modprobe|usermod -aG docker)|unset|mv|df|jq|xargs --no-run-if-empty --max-lines=1 kubectl|kill|ps|pulumi (stack|state|up|preview|destroy|cancel|new)|npm config set)\b/;

/** The lab's commands and the benchmark's, which are parsed and do nothing. */
async function idle(seen: { command?: Command }, io = fakeIo()): Promise<Command> {
  const program = await commandLine({ io, end: () => undefined, note: () => undefined });
  for (const command of benchProgram({ io, end: () => undefined }).commands) program.addCommand(command);
  for (const command of program.commands) {
    command.action(() => {
      seen.command = command;
    });
  }
  return program;
}

/** The commands: each has a file. */
const verbs = readdirSync(join(__dirname, "../../../cli/commands"))
  .map((file) => parse(file).name)
  .filter((name) => name !== "common");

/** What is wrong with a command; nothing for a good one. */
async function flaw({ words: shownWords }: Pick<ShownCommand, "words">): Promise<string | undefined> {
  const words = shownWords.map(filled);
  const [program, verb, noun = ""] = words;
  if (program === "npm" && (verb === "run" || verb === "test"))
    return scriptFlaw(shownWords.filter((word) => word !== "--silent"));
  if (program === "npm" && verb === "ci") return undefined;
  if (program === "npx" && verb === "vitest") return undefined;
  if (program === "export") return exportFlaw(verb ?? "");
  return elsewhere.test(words.join(" ")) ? undefined : `nobody checks "${program} ${verb} ${noun}"`;
}

async function scriptFlaw([, verb, ...rest]: readonly string[]): Promise<string | undefined> {
  const script = verb === "test" ? "test" : (rest.shift() ?? "");
  if (!Object.hasOwn(scripts, script)) return `package.json has no script "${script}"`;
  const line =
    scripts[script]?.replace("node --require @swc-node/register tools/bench/main.ts", "node cli/bootstrap.cjs bench") ??
    "";
  const [, ownVerb] = /^node cli\/bootstrap\.cjs ?(\w*)$/.exec(line) ?? [];
  if (ownVerb === undefined) return rest.length > 0 ? `arguments of "${script}" are not checked` : undefined;
  if (rest.length > 0 && rest.shift() !== "--") return "npm takes the arguments without --";
  const args = [...(ownVerb ? [ownVerb] : []), ...rest];
  return args[0] === "config" ? configFlaw(args) : labFlaw(args.map(filled));
}

async function labFlaw(args: readonly string[]): Promise<string | undefined> {
  const seen: { command?: Command } = {};
  try {
    (await idle(seen)).parse(args, { from: "user" });
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

/** Values for keys that a Fix leaves to its reader; for the others their default will do. */
const values: Readonly<Record<string, string>> = {
  ...{ nodeImage: "kindest/node:v1.34.2", istioVersion: versions.istio, httpPort: "20080", httpsPort: "20081" },
  ...{ kubeconfig: "/kube/config", context: "lab", caFile: "/ca.pem", artifactSource: "/media/lab" },
  ...{
    appImage: "registry.test/httpbin:1",
    subnet: "10.200.0.0/24",
    platform: "gke",
    imageMirrors: "[docker.io=https://mirror.test]",
    addons: "[prometheus]",
    modules: "[fail-open]",
  },
};

/** Runs a `config` command before the first up, where neither pulumi nor docker is there. */
async function configFlaw(args: readonly string[]): Promise<string | undefined> {
  const key = args.find((word) => isConfigKey(word)) ?? "faultPercent";
  const left = /\b(VALUE|PORT|FILE|NAME|DIR|REF|VERSION|PATCH|MIRROR|REGISTRY|X|PATH)\b/;
  const io = fakeIo({ exec: fakeExec({}), env: { PATH: "/nowhere", PULUMI_HOME: "/nowhere" } });
  const words = args.map((word) =>
    word === "KEY" ? "faultPercent" : left.test(word) ? (values[key] ?? String(defaults[key as ConfigKey])) : word,
  );
  return (await run(words, io)) === 0 ? undefined : io.err();
}

function exportFlaw(assignment: string): string | undefined {
  const [, name = ""] = /^(\w+)=/.exec(assignment) ?? [];
  const known = variables.some((variable) => variable.name === name) || foreign.includes(name);
  return known ? undefined : `nobody reads "${name}"`;
}

const judged = new Map<string, Promise<string | undefined>>();

async function flaws(commands: readonly ShownCommand[]): Promise<string[]> {
  // Pages and Fixes repeat many commands.
  const flawOf = (command: ShownCommand) => {
    const key = JSON.stringify(command.words);
    const found = judged.get(key) ?? flaw(command);
    judged.set(key, found);
    return found;
  };
  const found = await Promise.all(commands.map(async (command) => ({ ...command, flaw: await flawOf(command) })));
  return found.flatMap(({ where, text, flaw: wrong }) => (wrong ? [`${where}: ${text}: ${wrong}`] : []));
}

describe("every command that is shown is one that can be typed", () => {
  test.each(pages)("in %s", async (page) => expect(await flaws(commandsOf(page))).toEqual([]));

  test("in the workflows", async () => {
    expect(workflowCommands().length).toBeGreaterThan(5);
    expect(await flaws(workflowCommands())).toEqual([]);
  });

  test("in the recordings of tools/pictures", async () => {
    const all = Object.values(sessions).flatMap(({ commands, undo = [] }) => [...commands, ...undo]);
    expect(await flaws(all.flatMap((args) => shown(typed(args), "tools/pictures")))).toEqual([]);
  });

  test.each(verbs)("in the help of %s", async (verb) => {
    const io = fakeIo();
    const program = await idle({}, io);
    expect(() => program.parse([verb, "--help"], { from: "user" })).toThrow();
    const lines = [...io.out().matchAll(/^ {2}\$ (.*)$/gm)].map(([, line = ""]) => line);
    expect(lines.length).toBeGreaterThan(0);
    expect(await flaws(lines.flatMap((line) => shown(line, `${verb} --help`)))).toEqual([]);
  });

  test("in the Fix of a problem, before the first up", { timeout: 60_000 }, async () => {
    expect(fixes.length).toBeGreaterThan(150);
    expect(await flaws(fixes)).toEqual([]);
  });

  test("in the Fix of a problem of another stack, which it names", { timeout: 60_000 }, async () => {
    const about = fixes.flatMap(({ text, where }) => {
      if (/--stack|npm run lab -- --help/.test(text) || !/^npm run (--silent )?(up|preview|destroy|lab)\b/.test(text))
        return [];
      return shown(ofStack({ fix: text }, "alice").fix, where);
    });
    expect(about.length).toBeGreaterThan(80);
    expect(about.filter(({ words }) => words[words.indexOf("--stack") + 1] !== "alice")).toEqual([]);
    expect(await flaws(about)).toEqual([]);
  });

  test.each([
    ["npm run nothing", /no script/],
    ["npm run up --yes", /without --/],
    ["npm run lab -- nothing", /unknown command/],
    ["npm run lab -- verify --nothing", /unknown option/],
    ["npm run lab -- verify nothing", /no experiment/],
    ["npm run lab -- open nothing", /Allowed choices/],
    ["npm run up -- --config nothing=1", /does not exist/],
    ["pulumi config set faultPercent 30", /nobody checks/],
    ["npm run lab -- config set nothing 1", /does not exist/],
    ["npm run lab -- config set faultPercent 101", /refused/],
    ["npm run lab -- config set allowedCallers '[nobody]'", /refused/],
    ["export NOTHING=1", /nobody reads/],
    ["make coffee", /nobody checks/],
  ])("and a wrong one is noticed: %s", async (line, wanted) => {
    expect((await flaws(commandsIn(`\`\`\`sh\n${line}   # why\n\`\`\`\n`, "page"))).join()).toMatch(wanted);
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
