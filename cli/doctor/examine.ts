import type { LabConfig } from "../../config/schema";
import { ExitCode, LabErrors, type Problem } from "../../host/errors";
import type { Exec } from "../../host/exec";
import { dockerChecks } from "../../preflight/docker-checks";
import { readDocker } from "../../preflight/docker-facts";
import type { Io } from "../terminal/io";
import { findTool, tools } from "../toolchain/tools";
import { machineChecks } from "./machine-checks";
import { stackChecks } from "./stack-checks";

/** Result of a check of the machine. `fail` stops `up`, `warn` does not. */
export type Finding = { id: string; title: string } & (
  | ({ status: "ok"; what: string } & Partial<Problem>)
  | ({ status: "warn" | "fail" } & Problem)
);

const checks = [...dockerChecks, ...machineChecks, ...stackChecks];

/** Names of all checks, for `--ignore`. */
export const checkIds: readonly string[] = checks.map(({ id }) => id);

/** Runs every check that applies to the stack's configuration. Changes nothing. */
export async function examine(
  { env, exec }: Pick<Io, "env" | "exec">,
  stack: string,
  config: LabConfig,
): Promise<Finding[]> {
  const asked = cachedExec(exec);
  // Starts the commands of the tools while Docker answers; their checks reuse the results.
  for (const tool of tools) void findTool(tool, env, asked);
  const docker = await readDocker(asked, env);
  const context = { env, exec: asked, stack, config, docker };
  return Promise.all(
    checks
      .filter(({ kindOnly, existingOnly }) => !(config.cluster === "kind" ? existingOnly : kindOnly))
      .map(async ({ id, title, look }) => ({ id, title, ...(await look(context)) })),
  );
}

/** An {@link Exec} that runs each command once: several checks read Docker's networks and nodes. */
function cachedExec(exec: Exec): Exec {
  const answers = new Map<string, ReturnType<Exec>>();
  return (file, args, options) => {
    const command = JSON.stringify([file, args]);
    const answer = answers.get(command) ?? exec(file, args, options);
    answers.set(command, answer);
    return answer;
  };
}

/** @throws LabErrors (exit code 4) with every failed check that is not ignored */
export function refuseUnfit(findings: readonly Finding[], ignored: readonly string[]): void {
  const failed = findings.flatMap((finding) =>
    finding.status === "fail" && !ignored.includes(finding.id)
      ? [{ what: finding.what, why: finding.why, fix: finding.fix }]
      : [],
  );
  if (failed.length > 0) throw new LabErrors(failed, ExitCode.unfit);
}
