import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type ExecResult, exec } from "../../host/exec";

const repository = join(__dirname, "..", "..");

/** A step of a preview: the operation on one resource. */
export interface Step {
  /** `create`, `update`, `replace`, `delete`, `same`, … */
  op: string;
  /** Last part of the URN. */
  name: string;
  type: string;
  /** Properties that cause a replacement. */
  replaceReasons?: string[];
  /** Changed property paths. */
  diffReasons?: string[];
}

/** A copy of this project in its own folder, with its own state and lab home. */
export interface Project {
  dir: string;
  home: string;
  /** Environment variables that select the state and the home of this copy. */
  env: Readonly<Record<string, string>>;
  pulumi(args: string[], timeoutMs?: number): Promise<ExecResult>;
  /** Runs the lab's command line, as a user would in this checkout. */
  lab(args: string[], timeoutMs?: number): Promise<ExecResult>;
  /** Runs pulumi and fails unless it succeeds; returns stdout. */
  ok(args: string[]): Promise<string>;
  /** Steps of a preview, without resources that stay the same and updates of components. */
  changes(): Promise<Step[]>;
  outputs(): Promise<Record<string, unknown>>;
  write(path: string, content: string): void;
  remove(): void;
}

/** The environment of a project's commands. */
export interface Surroundings {
  /** Command line that runs another command line, such as `nsenter`. @default none */
  within?: readonly string[];
  env?: Record<string, string>;
}

/** Copies the tracked and new files of the repository; the packages are shared. */
export async function projectCopy(stack: string, { within = [], env: more }: Surroundings = {}): Promise<Project> {
  const root = mkdtempSync(join(tmpdir(), `ambient-lab-${stack}-`));
  const dir = join(root, "project");
  const home = join(root, "home");
  const listed = await exec("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: repository });
  for (const file of listed.stdout.split("\n").filter(Boolean)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    cpSync(join(repository, file), join(dir, file), { force: true });
  }
  symlinkSync(join(repository, "node_modules"), join(dir, "node_modules"));
  mkdirSync(join(root, "state"));
  const env = {
    AMBIENT_LAB_HOME: home,
    PULUMI_BACKEND_URL: `file://${join(root, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_STACK: stack,
    ...more,
  };
  const runs = (command: readonly string[], timeoutMs: number) => {
    const [file = "", ...args] = [...within, ...command];
    return exec(file, args, { cwd: dir, env, timeoutMs });
  };
  const pulumi = (args: string[], timeoutMs = 900_000) => runs(["pulumi", ...args, "--non-interactive"], timeoutMs);
  const ok = async (args: string[]) => {
    const result = await pulumi(args);
    if (result.code === 0) return result.stdout;
    throw new Error(
      `pulumi ${args.join(" ")} failed with ${result.code}:\n${result.stdout.slice(-4000)}\n${result.stderr.slice(-4000)}`,
    );
  };
  return {
    dir,
    home,
    env,
    pulumi,
    lab: (args, timeoutMs = 900_000) =>
      runs([process.execPath, "cli/bootstrap.cjs", ...args, "--stack", stack], timeoutMs),
    ok,
    changes: async () => {
      const { steps } = JSON.parse(await ok(["preview", "--json"])) as { steps: RawStep[] };
      // A component is updated with the inputs of its children.
      const changed = steps.filter(({ op }) => op !== "same" && op !== "read").map(simple);
      return changed.filter(({ op, type }) => op === "create" || !type.startsWith("ambientlab:"));
    },
    outputs: async () => JSON.parse(await ok(["stack", "output", "--json"])) as Record<string, unknown>,
    write: (path, content) => writeFileSync(join(dir, path), content),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

interface RawStep {
  op: string;
  urn: string;
  replaceReasons?: string[];
  diffReasons?: string[];
}

function simple({ op, urn, replaceReasons, diffReasons }: RawStep): Step {
  const [, , typeChain = "", name = ""] = urn.split("::");
  return { op, name, type: typeChain.split("$").at(-1) ?? "", replaceReasons, diffReasons };
}
