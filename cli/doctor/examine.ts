import type { LabConfig } from "../../config/schema";
import { ExitCode, LabErrors } from "../../host/errors";
import type { Exec } from "../../host/exec";
import { dockerChecks } from "../../preflight/docker-checks";
import { readDocker } from "../../preflight/docker-facts";
import type { Io } from "../terminal/io";
import { findTool, tools } from "../toolchain/tools";
import { dockerResourceChecks } from "./docker-checks";
import { hostChecks } from "./host-checks";
import { stackChecks } from "./stack-checks";
import type { Finding } from "./types";

const checks = [...dockerChecks, ...dockerResourceChecks, ...hostChecks, ...stackChecks];

/** Names of all checks, for `--ignore`. */
export const checkIds: readonly string[] = checks.map(({ id }) => id);

/** Looks at the machine with every check that the stack's configuration makes worthwhile. Changes nothing. */
export async function examine(
  { env, exec }: Pick<Io, "env" | "exec">,
  stack: string,
  config: LabConfig,
): Promise<Finding[]> {
  const asked = askedOnce(exec);
  // The tools answer while Docker does; their checks get these answers.
  for (const tool of tools) void findTool(tool, env, asked);
  const docker = await readDocker(asked, env);
  const context = { env, exec: asked, stack, config, docker };
  return Promise.all(
    checks
      .filter(({ kindOnly, existingOnly }) => !(config.cluster === "kind" ? existingOnly : kindOnly))
      .map(async ({ id, title, look }) => ({ id, title, ...(await look(context)) })),
  );
}

/** An {@link Exec} that runs a command once: several checks ask Docker for its networks and nodes. */
function askedOnce(exec: Exec): Exec {
  const answers = new Map<string, ReturnType<Exec>>();
  return (file, args, options) => {
    const command = JSON.stringify([file, args]);
    const answer = answers.get(command) ?? exec(file, args, options);
    answers.set(command, answer);
    return answer;
  };
}

/**
 * Stops a command on a machine that is not fit for it.
 * @throws LabErrors (exit code 4) with every blocking finding that is not ignored
 */
export function refuseUnfit(findings: readonly Finding[], ignored: readonly string[]): void {
  const failed = findings.flatMap((finding) =>
    finding.status === "fail" && !ignored.includes(finding.id)
      ? [{ what: finding.what, why: finding.why, fix: finding.fix }]
      : [],
  );
  if (failed.length > 0) throw new LabErrors(failed, ExitCode.unfit);
}
