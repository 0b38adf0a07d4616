import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ExecResult, exec } from "../../host/exec";

/** Inputs of a declared command, as the command plugin gets them. */
interface DeclaredCommand {
  create: string;
  update?: string;
  delete?: string;
  stdin?: string;
  interpreter: [string, ...string[]];
  environment: Record<string, string>;
}

/** The commands of one stack, which run as in the command plugin. */
export interface StackCommands {
  run(name: string, step: "create" | "update" | "delete", environment?: Record<string, string>): Promise<ExecResult>;
  environment(name: string): Record<string, string>;
}

const repository = join(__dirname, "..", "..");

/** Runs the real program, and returns the commands that it declares for a stack. */
export async function stackCommands(
  stack: string,
  config: Record<string, unknown>,
  facts: Record<string, unknown>,
  env: Record<string, string>,
): Promise<StackCommands> {
  const printer = join(__dirname, "declared-commands.ts");
  const args = [printer, stack, JSON.stringify(config), JSON.stringify(facts)];
  const printed = await exec(process.execPath, ["--require", "@swc-node/register", ...args], { cwd: repository, env });
  if (printed.code !== 0) throw new Error(`Cannot declare stack "${stack}": ${printed.stderr}`);
  const commands = JSON.parse(printed.stdout) as Record<string, DeclaredCommand>;
  const find = (name: string) => {
    const command = commands[name];
    if (!command)
      throw new Error(`The program declares no command "${name}", only ${Object.keys(commands).join(", ")}`);
    return command;
  };
  return {
    environment: (name) => find(name).environment,
    run: (name, step, environment = {}) => {
      const command = find(name);
      const [shell, ...flags] = command.interpreter;
      const text = step === "update" ? (command.update ?? command.create) : (command[step] ?? "true");
      return exec(shell, [...flags, text], {
        cwd: repository,
        env: { ...env, ...command.environment, ...environment },
        input: command.stdin ?? "",
        timeoutMs: 600_000,
      });
    },
  };
}

/** Content of a file, or undefined if it does not exist: for tests that it is unchanged. */
export function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
