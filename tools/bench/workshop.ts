import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { waitForPlugins } from "../../cli/recovery/recover";
import type { Io } from "../../cli/terminal/io";
import { ExitCode, LabError } from "../../host/errors";
import { run } from "../../host/exec";
import { clusterName, stackDir } from "../../host/paths";
import { benchHome } from "./history";

/** What a benchmark works on: nothing of it is shared with a lab. */
export interface Workshop {
  stack: string;
  /** Folder of settings, state and scratch files; gone when the benchmark is over. */
  folder: string;
  /** Name of the lab's cluster and network. */
  lab: string;
  /** Name of the script's cluster and network. */
  script: string;
}

/** File that says which process works here. */
export const ownerFile = ({ folder }: Pick<Workshop, "folder">): string => join(folder, "owner");

/** The workshop of a stack. */
export function workshopOf(stack: string): Workshop {
  const lab = clusterName(stack);
  return { stack, folder: join(benchHome(), `work-${stack}`), lab, script: `${lab}-script` };
}

type Hands = Pick<Io, "exec"> & { say: (line: string) => void };

/**
 * Removes what a benchmark that was killed left behind, and makes sure that nothing else is in the way.
 * @throws LabError when another benchmark is at work (exit code 1), or a lab of that name exists (exit code 2)
 */
export async function requireFree(workshop: Workshop, hands: Hands): Promise<void> {
  if (existsSync(workshop.folder)) {
    await requireDead(workshop, hands);
    hands.say("A benchmark that was killed had left its work: it is removed");
    await clearWorkshop(workshop, hands);
  }
  const { stack } = workshop;
  const found = [
    ...(await clustersOf(workshop, hands)).map(({ name }) => `cluster "${name}"`),
    ...(await networksOf(workshop, hands)).map((name) => `network "${name}"`),
    ...(existsSync(stackDir(stack)) ? [stackDir(stack)] : []),
  ];
  if (found.length === 0) return;
  throw new LabError(
    {
      what: `There is something of a lab "${stack}" already: ${found.join(", ")}`,
      why: "The benchmark makes and destroys a lab of its own, and touches no other",
      fix: "npm run bench -- --stack NAME   (one that no lab has)",
    },
    { exitCode: ExitCode.usage },
  );
}

async function requireDead(workshop: Workshop, { exec }: Hands): Promise<void> {
  const file = ownerFile(workshop);
  const pid = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (!/^\d+$/.test(pid)) return;
  const { code, stdout } = await exec("ps", ["-p", pid, "-o", "args="]);
  if (code !== 0 || !/\bbootstrap\.cjs bench\b/.test(stdout)) return;
  throw new LabError({
    what: `A benchmark of stack "${workshop.stack}" runs already (pid ${pid})`,
    why: "Two of them would measure each other",
    fix: `Let it finish, or: kill ${pid}`,
  });
}

/** Removes clusters, networks and files of the benchmark, in whatever state they are. */
export async function clearWorkshop(workshop: Workshop, { exec, say }: Hands): Promise<void> {
  // The command may have been interrupted, and this must be done nevertheless.
  const { signal } = new AbortController();
  for (const cluster of [workshop.lab, workshop.script]) {
    // A kind that still runs would make nodes after they were removed.
    await waitForPlugins({ exec, cluster, releases: undefined, signal, say });
  }
  const means = {
    timeoutMs: 120_000,
    why: "It was made by the benchmark",
    fix: "Run npm run bench again: it begins by that",
  };
  for (const { name, nodes } of await clustersOf(workshop, { exec, say })) {
    say(`Cluster "${name}" of the benchmark is removed`);
    await run(exec, "docker", ["rm", "--force", "--volumes", ...nodes], means);
  }
  for (const name of await networksOf(workshop, { exec, say })) {
    await run(exec, "docker", ["network", "rm", name], means);
  }
  await rm(stackDir(workshop.stack), { recursive: true, force: true });
  await rm(workshop.folder, { recursive: true, force: true });
}

async function clustersOf({ lab, script }: Workshop, { exec }: Hands): Promise<{ name: string; nodes: string[] }[]> {
  const found = await Promise.all(
    [lab, script].map(async (name) => {
      const filter = `label=io.x-k8s.kind.cluster=${name}`;
      const { stdout } = await exec("docker", ["ps", "--all", "--quiet", "--filter", filter]);
      return { name, nodes: stdout.split("\n").filter(Boolean) };
    }),
  );
  return found.filter(({ nodes }) => nodes.length > 0);
}

async function networksOf({ lab, script }: Workshop, { exec }: Hands): Promise<string[]> {
  const { stdout } = await exec("docker", ["network", "ls", "--format", "{{.Name}}"]);
  return stdout.split("\n").filter((name) => name === lab || name === script);
}
