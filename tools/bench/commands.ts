import { problemsIn } from "../../cli/engine/problems";
import { settingsFile } from "../../cli/stack/settings";
import { ExitCode, LabError, LabErrors } from "../../host/errors";
import type { ExecResult } from "../../host/exec";
import type { ScriptCommand } from "./script";
import type { Bench } from "./setup";

/** Longest time for one run: a lab whose nodes pull their images over a slow line. */
const timeoutMs = 45 * 60_000;

/**
 * Runs a command that must succeed, in the checkout unless it says otherwise.
 * @throws LabError with the command's own words
 */
export async function must(
  { io, env, signal }: Pick<Bench, "io" | "env" | "signal">,
  { file, args, env: own = {}, input }: ScriptCommand,
  options: { cwd?: string; onLine?: (line: string) => void } = {},
): Promise<ExecResult> {
  const result = await io.exec(file, args, {
    ...{ cwd: io.root, timeoutMs, signal, ...options },
    env: { ...env, ...own },
    ...(input === undefined ? {} : { input }),
  });
  if (io.signal.aborted) throw interrupted();
  if (result.code === 0) return result;
  const said = `${result.stdout}\n${result.stderr}`.trim();
  const told = problemsIn(said);
  if (told.length > 0) throw new LabErrors(told, ExitCode.fail);
  throw new LabError({
    what: `"${[file, ...args].join(" ")}" failed with exit code ${result.code}:\n${said.split("\n").slice(-12).join("\n")}`,
    why: "What fails cannot be measured",
    fix: "npm run up   (tells more of a lab that does not come up)",
  });
}

const interrupted = () =>
  new LabError({
    what: "The benchmark was interrupted",
    why: "Half of a run tells nothing: no number of it is kept, and what it had made is removed",
    fix: "npm run bench",
  });

const quiet = ["--non-interactive", "--color", "never"];

/** Runs plain `pulumi` on the benchmark's lab. */
export function pulumi(bench: Bench, args: readonly string[], onLine?: (line: string) => void): Promise<ExecResult> {
  const where = ["--stack", bench.stack, "--config-file", settingsFile(bench.settings, bench.stack)];
  return must(bench, { file: bench.pulumi, args: [...args, ...where, ...quiet] }, onLine ? { onLine } : {});
}

/** Runs plain `pulumi` on the empty program. */
export function pulumiOnNothing(bench: Bench, args: readonly string[]): Promise<ExecResult> {
  const where = ["--stack", bench.stack, ...quiet];
  return must(bench, { file: bench.pulumi, args: [...args, ...where] }, { cwd: bench.empty });
}
