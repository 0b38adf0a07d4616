import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** A command that a page tells its reader to type. */
export interface ShownCommand {
  /** File and, for commands of a block, its line. */
  where: string;
  /** As it is shown, without its comment. */
  text: string;
  /** The words that a shell makes of it. */
  words: readonly string[];
  /** Lines of the output that the page shows below it. */
  output?: readonly string[];
}

const root = join(__dirname, "../..");
const programs = /^(npm|npx|pulumi|docker|kind|kubectl|sudo|git|export) \S/;

/** What a page writes for a value of the reader's own. */
const placeholders: Readonly<Record<string, string>> = {
  ...{ ID: "bypass", PORT: "20080", IMAGE: "registry.test/image:1" },
};

/** A word of a command with something good in the place of its placeholders. */
export const filled = (word: string): string => word.replace(/\b[A-Z]{2,}\b/g, (name) => placeholders[name] ?? name);

/** Pages for people who use the lab, or work on it. */
export const pages: readonly string[] = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => join("docs", file)),
  ...readdirSync(join(root, ".github/ISSUE_TEMPLATE"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => join(".github/ISSUE_TEMPLATE", file)),
];

/** Every command of a page: those of its `sh` blocks, and those in the middle of a sentence. */
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

/** Every command that a workflow runs. */
export function workflowCommands(): ShownCommand[] {
  const folder = join(root, ".github/workflows");
  return readdirSync(folder).flatMap((file) => {
    const { jobs }: { jobs: Record<string, { steps: { run?: string }[] }> } = parse(
      readFileSync(join(folder, file), "utf8"),
    );
    const runs = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
    const lines = runs.flatMap((run) => run.split("\n").map((line) => line.trim()));
    return lines.filter((line) => programs.test(line)).flatMap((line) => shown(line, `workflow ${file}`));
  });
}

/** Every command at the beginning of a Fix in the sources, but for those that are put together when they are needed. */
export function fixCommands(): ShownCommand[] {
  const folders = ["cli", "components", "verify"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => join(folder, file)),
  );
  const sources = [...readdirSync(root), ...folders].filter((file) => file.endsWith(".ts"));
  return sources.flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const fixes = [...text.matchAll(/\bfix: (["'`])((?:npm|pulumi) (?:(?!\1).)*)\1/g)];
    const whole = fixes.map(([, , fix = ""]) => fix.replace(/ {2,}\(.*$/, "").replaceAll(/\$\{stack\}/g, "dev"));
    return whole.flatMap((fix) => (/\$\{/.test(fix) ? [] : shown(fix, file)));
  });
}

/** The commands of one line: what stands between "&&", and what is evaluated, without a comment. */
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
    if (token.startsWith("#")) break;
    if (token === "&&" || token === "|") end();
    else
      words.push(token.replace(/;$/, "").replace(/'([^']*)'|"([^"]*)"/g, (_all, single, double) => single ?? double));
    if (token.endsWith(";")) end();
  }
  end();
  return commands;
}

const quoted = (word: string) => (/^[\w@%+=:,./${}*-]+$/.test(word) ? word : `'${word}'`);
