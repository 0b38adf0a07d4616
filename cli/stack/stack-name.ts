import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { requireStackName } from "../../config/stack-name";
import { backendUrl, pulumiUserHome } from "../../host/backend";
import { UsageError } from "../../host/errors";
import { projectFile } from "../../host/project-file";
import { shellWord } from "../../host/shell";
import type { Io } from "../terminal/io";

/**
 * The stack of a command: `--stack`, else `$PULUMI_STACK`, else the one selected in this checkout, else "dev".
 * @throws UsageError for a name that cannot be part of a cluster's name
 */
export function resolveStack(option: string | undefined, { env, root }: Pick<Io, "env" | "root">): string {
  return requireStackName(short(option ?? (pulumiStack({ env, root }) || "dev")));
}

/** Written by `pulumi stack select`: a stack for each backend; older CLIs wrote one for all backends. */
const workspaceSchema = z.object({ stack: z.string().optional(), stacks: z.record(z.string(), z.string()).optional() });

/** The stack of `$PULUMI_STACK`, else the one that is selected in this checkout. */
function pulumiStack({ env, root }: Pick<Io, "env" | "root">): string | undefined {
  const full = env.PULUMI_STACK || selectedStack(env, root);
  return full ? short(full) : undefined;
}

/** A stack's name without its organization and project. */
const short = (full: string): string => full.slice(full.lastIndexOf("/") + 1);

/** The stack that is selected in this checkout; read from Pulumi's file, because some commands run without pulumi. */
function selectedStack(env: NodeJS.ProcessEnv, root: string): string | undefined {
  const home = env.PULUMI_HOME || join(pulumiUserHome(), ".pulumi");
  const hash = createHash("sha1").update(join(root, "Pulumi.yaml")).digest("hex");
  const file = join(home, "workspaces", `${projectFile(root).name}-${hash}-workspace.json`);
  if (!existsSync(file)) return undefined;
  try {
    const { stack, stacks } = workspaceSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    return stacks?.[backendUrl({ env, root })] ?? stack;
  } catch (cause) {
    throw new UsageError(
      {
        what: `Cannot read "${file}"`,
        why: "Pulumi keeps in it which stack is selected in this checkout; a write that was cut off leaves half of it",
        fix: `rm ${shellWord(file)}   (then no stack is selected: commands without --stack work on "dev")`,
      },
      cause,
    );
  }
}

/** The stack of a command, if the next command must name it by `--stack`; undefined if it is the default. */
export function stackToName(option: string | undefined, io: Pick<Io, "env" | "root">): string | undefined {
  try {
    const stack = resolveStack(option, io);
    return stack === resolveStack(undefined, io) ? undefined : stack;
  } catch {
    return undefined; // An invalid name cannot be suggested.
  }
}
