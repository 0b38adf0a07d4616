import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as ts from "typescript";
import { parse } from "yaml";
import { versions } from "../../config/versions";

/** A command on a page. */
export interface ShownCommand {
  /** File and, for commands of a block, its line. */
  where: string;
  /** The command as shown, without its comment. */
  text: string;
  /** The words of the command, as a shell splits it. */
  words: readonly string[];
  /** Lines of the output that the page shows below it. */
  output?: readonly string[];
}

const root = join(__dirname, "../..");
const programs = /^(npm|npx|pulumi|docker|kind|kubectl|sudo|git|export) \S/;

/** Placeholders on pages, such as FILE. */
const placeholders: Readonly<Record<string, string>> = {
  ...{ ID: "bypass", PORT: "20080", IMAGE: "registry.test/image:1", ISTIO: versions.istio },
};

/** A word of a command with valid values for its placeholders. */
export const filled = (word: string): string =>
  word.replace(/\$?\b([A-Z]{2,})\b/g, (text, name: string) => placeholders[name] ?? text);

/** Pages for users and contributors. */
export const pages: readonly string[] = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => join("docs", file)),
  ...readdirSync(join(root, ".github/ISSUE_TEMPLATE"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => join(".github/ISSUE_TEMPLATE", file)),
];

/** Every command of a page, in `sh` blocks and in sentences. */
export function commandsOf(page: string): ShownCommand[] {
  return commandsIn(readFileSync(join(root, page), "utf8"), page);
}

/** Every command in the text of a page. */
export function commandsIn(text: string, page: string): ShownCommand[] {
  const fence = /^```(\w*)\n([\s\S]*?)^```$/gm;
  const blocks = [...text.matchAll(fence)].map(({ 1: language = "", 2: body = "", index }) => ({
    ...{ language, lines: body.split("\n").filter((line) => line.trim() !== "") },
    first: text.slice(0, index).split("\n").length + 1,
  }));
  const typed = blocks.flatMap(({ language, lines, first }, index) => {
    if (language !== "sh") return [];
    const next = blocks[index + 1];
    const commands = lines.flatMap((line, offset) => shown(line, `${page}:${first + offset}`));
    const last = commands.at(-1);
    if (last && next?.language === "text") last.output = next.lines;
    return commands;
  });
  const spans = [...text.replaceAll(fence, "").matchAll(/`([^`]+)`/g)].map(([, span = ""]) =>
    span.replace(/\s+/g, " "),
  );
  return [...typed, ...spans.filter((span) => programs.test(span)).flatMap((span) => shown(span, page))];
}

/** The workflows of this repository, and those that it offers to others. */
export const workflows: readonly string[] = [".github/workflows", "examples/workflows"].flatMap((folder) =>
  readdirSync(join(root, folder)).map((file) => join(folder, file)),
);

/** Every command that a workflow runs. */
export function workflowCommands(): ShownCommand[] {
  return workflows.flatMap((file) => {
    const { jobs }: { jobs: Record<string, { steps: { run?: string }[] }> } = parse(
      readFileSync(join(root, file), "utf8"),
    );
    const runs = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
    const lines = runs.flatMap((run) => run.split("\n").map((line) => line.trim()));
    return lines.filter((line) => programs.test(line)).flatMap((line) => shown(line, file));
  });
}

/** Values for the expressions in the text of a Fix. */
const shownParts: Readonly<Record<string, string>> = {
  ...{ stack: "dev", key: "httpPort", wanted: "linux/arm64", ways: "", operation: "up" },
  ...{ "shellWord(key)": "faultPercent", fix: "list", registry: "docker.io", others: "", ofStack: "--stack dev" },
  ...{
    next: "bypass",
    id: "bypass",
    "step.id": "bypass",
    "step.proof": "bypass",
    "step.watch": "traffic",
    words: "--yes",
  },
  ...{ 'args.map(shellWord).join(" ")': "status", 'config.addons.join("|")': "kiali", pairs: "", owner: "alice" },
  ...{ '[...ids, ofStack].join(" ")': "--stack dev", 'wanted.join(", ")': "prometheus", "facts.stack": "dev" },
  ...{
    'without.join(", ")': "",
    'modules.join(", ")': "gateway-tls",
    "context.facts.stack": "dev",
    "stack.slice(0, 30)": "dev",
  },
  ...{ 'low.map(([key, wanted]) => `fs.inotify.${key}=${wanted}`).join(" ")': "fs.inotify.max_user_watches=1" },
  ...{
    'options.stack ? ` -- --stack ${options.stack}` : ""': "",
    "script === name ? `${name} --` : `lab -- ${name}`": "up --",
  },
  ...{ ofCommand: "up ", command: "verify" },
  ...{
    "pulumiCommand(`cancel --yes --stack ${stack}`)": "pulumi cancel --yes --stack dev",
    "pulumiCommand(`state delete --yes --stack ${stack} ${shellWord(urn)}`)":
      "pulumi state delete --yes --stack dev URN",
    CLUSTER: "dev",
    PLATFORM: "linux/amd64",
    'words.map(shellWord).join(" ")': "plan --json",
  },
  ...{ "withoutText(order.without)": "", "semver.major(installed)": "1", "semver.minor(installed) + 1": "31" },
};

/** A command at the beginning of a text or behind a colon. */
const ofFix =
  /(?<=^|: )(?:npm (?:run|ci|test|config) |npx |pulumi |docker |kind |kubectl |git |export |sudo |unset |mv |kill |ps )[^\s"'].*/;

/** Every command that a Fix or a hint in the sources and scripts of the lab shows, with {@link shownParts} in its places. */
export function fixCommands(): ShownCommand[] {
  const files = execFileSync("git", ["ls-files", "*.ts", "*.sh"], { cwd: root, encoding: "utf8" }).split("\n");
  const sources = files.filter((file) => file && !/^(test|tools)\//.test(file));
  return sources.flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const texts = file.endsWith(".ts") ? literalsOf(text) : scriptTexts(text);
    return texts.flatMap((each) => commandsOfFix(each).flatMap((command) => shown(command, file)));
  });
}

/** Commands of the text of a Fix: "COMMAND   (explanation), or: COMMAND". */
function commandsOfFix(text: string): string[] {
  const parts = text.split(
    / {3,}\(|\), or:? |, or:? |; or: |; else |, then(?: here| again)?: |\(or: |then: |missing: |, then /,
  );
  return parts.flatMap((part) => {
    const [command = ""] = ofFix.exec(part) ?? [];
    return command === "" ? [] : [command.replace(/[.)]+$/, "")];
  });
}

/** Texts of string literals and templates that hold a command of the lab, or are the Fix of a problem. */
function literalsOf(source: string): string[] {
  const found: string[] = [];
  const textOf = (node: ts.Node): string => {
    if (ts.isStringLiteralLike(node)) return node.text;
    if (!ts.isTemplateExpression(node)) return shownParts[node.getText()] ?? "X";
    return node.head.text + node.templateSpans.map((span) => textOf(span.expression) + span.literal.text).join("");
  };
  const visit = (node: ts.Node, ofProblem: boolean): void => {
    const isFix =
      ofProblem ||
      ((ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node)) && /^fix$/i.test(node.name.getText()));
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) {
      const text = textOf(node);
      if (isFix || /^(.*: )?npm run /.test(text)) found.push(text);
    } else node.forEachChild((child) => visit(child, isFix));
  };
  visit(ts.createSourceFile("source.ts", source, ts.ScriptTarget.Latest, true), false);
  return found;
}

/** The Fixes of a shell script. */
function scriptTexts(source: string): string[] {
  const texts = [...source.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) => text);
  const part = /\$\{(\w+)[^}]*\}|\$(\w+)|\\(["$])/g;
  return texts.map((text) => text.replace(part, (_, a, b, escaped) => escaped ?? shownParts[a ?? b] ?? "X"));
}

/** The commands of one line: separated by "&&", or evaluated, without a comment. */
export function shown(line: string, where: string): ShownCommand[] {
  const [, evaluated] = /^(?:eval "\$\()?(.*?)(?:\)"| \| source\b).*$/.exec(line) ?? [];
  if (evaluated) return shown(evaluated, where);
  const commands: ShownCommand[] = [];
  let words: string[] = [];
  const end = () => {
    if (words.length > 0) commands.push({ where, text: words.map(quoted).join(" "), words });
    words = [];
  };
  for (const token of line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? []) {
    // What follows "||" handles an exit code.
    if (token.startsWith("#") || token === "||") break;
    if (token.startsWith(">")) continue;
    if (token === "&&" || token === "|") end();
    else
      words.push(token.replace(/;$/, "").replace(/'([^']*)'|"([^"]*)"/g, (_all, single, double) => single ?? double));
    if (token.endsWith(";")) end();
  }
  end();
  return commands;
}

const quoted = (word: string) => (/^[\w@%+=:,./${}*-]+$/.test(word) ? word : `'${word}'`);
