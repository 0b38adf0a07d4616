import type { Problem } from "../../host/errors";
import type { Io } from "../terminal/io";
import { pulumiStack, resolveStack } from "./stack-name";

/**
 * The stack that a command was about, where `pulumi` in this checkout would take another one, or none, by itself: what is
 * typed next has to name it.
 */
export function stackToName(option: string | undefined, io: Pick<Io, "env" | "root">): string | undefined {
  try {
    const stack = resolveStack(option, io);
    return stack === pulumiStack(io) ? undefined : stack;
  } catch {
    return undefined; // Its name is what is wrong.
  }
}

/** The problem, with a Fix whose `pulumi config` commands are about that stack. */
export function ofStack<P extends Pick<Problem, "fix">>(problem: P, stack: string | undefined): P {
  if (stack === undefined) return problem;
  return { ...problem, fix: problem.fix.replace(/\bpulumi config (set|rm) /g, `pulumi config $1 --stack ${stack} `) };
}
