import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { evidenceHome, newestEvidence } from "../../cli/report/evidence";
import { type Exec, exec } from "../../host/exec";
import { stackDir } from "../../host/paths";
import { castText } from "./cast";
import { type TerminalSession, typed } from "./sessions";

/** The stack that is recorded: that of commands without `--stack`. */
const stack = "dev";

/** npm's lines about the script are not shown. */
export const env = { PULUMI_STACK: stack, npm_config_loglevel: "silent" };

/** Shows a line of a command while it runs. */
export const print = (line: string) => void process.stderr.write(`${line}\n`);

/** Runs npm. @throws Error when it fails */
export async function npm(args: readonly string[], onLine: (line: string) => void, run: Exec): Promise<void> {
  const { code } = await run("npm", args, { env, onLine, timeoutMs: 3_600_000 });
  if (code !== 0) throw new Error(`"${typed(args)}" ended with ${code}: nothing is recorded`);
}

/**
 * Types the commands of a session, and records what they print. The folder of the user is recorded as "~".
 * @returns the text of the recording
 * @throws Error when a command fails
 */
export async function recorded(
  { commands, undo = [] }: TerminalSession,
  run: Exec = exec,
  follow: (line: string) => void = print,
): Promise<string> {
  const began = performance.now();
  const outputs: { at: number; text: string }[] = [];
  const show = (line: string) => {
    follow(line);
    outputs.push({ at: (performance.now() - began) / 1_000, text: `${line.replaceAll(homedir(), "~")}\n` });
  };
  try {
    for (const args of commands) {
      show(`$ ${typed(args)}`);
      await npm(args, show, run);
    }
  } finally {
    for (const args of undo) await npm(args, follow, run);
  }
  return castText(100, 24, outputs);
}

/** @throws Error when there is a lab already: a recording of `up` shows how one is created */
export function requireNoLab(): void {
  if (existsSync(stackDir(stack)))
    throw new Error(`There is a lab "${stack}". Remove it: npm run destroy -- --stack ${stack} --yes`);
}

/** Adds the matrix of `reach` to the evidence of the last `up`, and copies all of it to a folder. */
export async function copyEvidence(to: string): Promise<void> {
  await npm(["run", "lab", "--", "reach"], print, exec);
  const from = newestEvidence([evidenceHome(stack)]);
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from).filter((name) => name.endsWith(".json")))
    copyFileSync(join(from, file), join(to, file));
}
