import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { exec, firstOnPath } from "../../host/exec";
import { type Project, projectCopy } from "../support/pulumi-project";
import { commandsOf, filled, pages, type ShownCommand } from "../support/shell-commands";
import { artifactsAtHand, enginePrograms, requires } from "../support/skip";

/** Commands that need no cluster: what they say is compared with what the pages show. */
const clusterless = [
  /^npm run (--silent )?lab -- (plan|doctor|list|status|tour .*--list|verify --(list|explain))\b/,
  /^npm run lab -- config (set|rm|list)\b(?!.*(artifactSource|IMAGE|PORT|KEY))/,
];
/** Exit codes of commands that went well: doctor may find this machine unfit, and that is an answer. */
const good = (text: string) => (/-- doctor/.test(text) ? [0, 4] : [0]);
/** Programs whose own help knows whether a command of theirs exists. */
const others = /^(docker|kind|kubectl|git|pulumi (stack|up|preview|destroy|cancel|new)) /;

const settingsFile = "Pulumi.docs.yaml";

/** Each command once, and where a page shows its output, that one. */
const all = pages.flatMap(commandsOf).sort((a, b) => Number(b.output !== undefined) - Number(a.output !== undefined));
const shownCommands = all.filter(({ text }, index) => all.findIndex((other) => other.text === text) === index);
const those = (patterns: readonly RegExp[]) =>
  shownCommands.filter(({ text }) => patterns.some((pattern) => pattern.test(text)));
const skip = requires("the commands of the docs", {
  programs: [...enginePrograms, "npm"],
  artifacts: true,
});

describe.skipIf(skip)("the commands of the docs, typed in a fresh checkout", () => {
  let project: Project;

  beforeAll(async () => {
    project = await projectCopy("docs");
    const nodeImage = process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig";
    const own = Object.entries({ ...artifactsAtHand(), nodeImage }).map(([key, value]) => [
      `ambient-lab:${key}`,
      value,
    ]);
    project.write(settingsFile, stringify({ config: Object.fromEntries(own) }));
    await project.ok(["stack", "init", "docs"]);
  });
  afterAll(() => project?.remove());

  const type = ({ words }: Pick<ShownCommand, "words">) => {
    const [program = "", ...args] = words.map(filled);
    return program === "pulumi"
      ? project.pulumi(args)
      : exec(program, args, { cwd: project.dir, env: project.env, timeoutMs: 300_000 });
  };

  test("are many, and of every kind", () => {
    expect(those(clusterless).length).toBeGreaterThan(8);
    for (const kind of clusterless) expect(those([kind]).length).toBeGreaterThan(0);
    expect(those(clusterless).filter(({ output }) => output !== undefined).length).toBeGreaterThan(1);
  });

  test.each(those(clusterless).map((command) => [command.text, command] as const))("%s", async (text, command) => {
    const settings = readFileSync(join(project.dir, settingsFile), "utf8");
    const { code, stdout, stderr } = await type(command);
    // Each command stands for itself: a key that one page sets is not set for the next.
    project.write(settingsFile, settings);
    expect(good(text), `${stdout}\n${stderr}`).toContain(code);
    if (command.output && !/-- doctor/.test(text)) expect(missing(command.output, `${stdout}\n${stderr}`)).toEqual([]);
  });

  test("npm run preview: the lab from nothing, held against the guard-rails", async () => {
    const { code, stdout, stderr } = await type({ words: ["npm", "run", "preview", "--", "--policy"] });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("appb-l7");
  });

  test.each(
    those([others])
      .filter(({ words: [program = ""] }) => firstOnPath(program, process.env) !== undefined)
      .map((command) => [command.text, command] as const),
  )("is known to its program: %s", async (_text, { words: [program = "", ...args] }) => {
    const computed = args.findIndex((arg) => arg.startsWith("$("));
    const own = computed < 0 ? args : args.slice(0, computed);
    const { code, stderr } = await exec(program, [...own, "--help"], { cwd: project.dir, timeoutMs: 60_000 });
    expect(code, stderr).toBe(0);
  });
});

/** Shown lines that the output does not have in this order; "…" stands for lines that are left out. */
function missing(shown: readonly string[], output: string): string[] {
  const lines = output.split("\n").map(timeless);
  let at = 0;
  return shown.filter((line) => {
    if (line.trim() === "…") return false;
    const found = lines.indexOf(timeless(line), at);
    if (found >= 0) at = found + 1;
    return found < 0;
  });
}

/** A line without what differs from run to run. */
const timeless = (line: string) =>
  line
    .trimEnd()
    .replace(/\d+(\.\d+)? s\b/g, "N s")

    .replace(/\b(dev|docs)\b/g, "NAME");
