import { LabError } from "../../host/errors";
import type { Exec } from "../../host/exec";
import { type Clock, eventually } from "../../verify/eventually";
import { type HelmReleases, isPending } from "./helm-releases";

/** A plugin without its engine. */
export interface Orphan {
  pid: number;
  /** Its program, such as `pulumi-resource-kubernetes`. */
  program: string;
  /** Whether it is active: a kind process for the cluster, or a process with a child. */
  busy: boolean;
}

interface Process {
  pid: number;
  parent: number;
  args: string;
}

/**
 * Processes that a killed engine left: its plugins, which finish their operations minutes later, and the kind of a script whose
 * plugin was killed as well. They change the cluster and its releases until they end.
 */
export async function findOrphans(exec: Exec, cluster: string): Promise<Orphan[]> {
  const { stdout } = await exec("ps", ["-axo", "pid=,ppid=,args="]);
  const processes = stdout.split("\n").flatMap(parseLine);
  const byPid = new Map(processes.map((each) => [each.pid, each]));
  // ps reads the processes one by one. When an ID is reused meanwhile, the parents can form a cycle.
  const hasEngine = ({ pid, parent }: Process, below: readonly number[] = []): boolean => {
    const owner = byPid.get(parent);
    if (owner === undefined || below.includes(parent)) return false;
    return isEngine(owner.args) || hasEngine(owner, [...below, pid]);
  };
  return processes.flatMap((each) => {
    const plugin = /^\S*?(pulumi-resource-[\w-]+)/.exec(each.args)?.[1];
    const onCluster = /\bkind (create|delete|load) .*--name (\S+)/.exec(each.args)?.[2] === cluster;
    const program = plugin ?? (onCluster ? "kind" : undefined);
    if (!program || hasEngine(each)) return [];
    return [{ pid: each.pid, program, busy: onCluster || processes.some(({ parent }) => parent === each.pid) }];
  });
}

/** Whether a process is an engine: `pulumi`, or another program with an embedded engine. */
function isEngine(args: string): boolean {
  const program = args.split(" ")[0]?.split("/").at(-1) ?? "";
  return /^pulumi(-(?!resource-).*)?$/.test(program);
}

function parseLine(line: string): Process[] {
  const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
  return pid && parent && args ? [{ pid: Number(pid), parent: Number(parent), args }] : [];
}

/** Time limit for operations of plugins: a Helm operation of the lab takes at most ten minutes. */
export const operationLimitMs = 12 * 60_000;

/** Options of {@link waitForPlugins}. */
export interface PluginWaitOptions {
  exec: Exec;
  /** Name of the stack's kind cluster. */
  cluster: string;
  /** Releases of the stack's cluster; absent when it does not answer. */
  releases: HelmReleases | undefined;
  signal: AbortSignal;
  say: (line: string) => void;
  /** @default the time of this machine */
  clock?: Clock;
}

/**
 * Waits until the plugins of a killed engine have finished their operations. An idle plugin may run for hours, and is ignored.
 * @throws LabError with their process ids after the time limit
 */
export async function waitForPlugins(options: PluginWaitOptions): Promise<void> {
  const { exec, cluster, releases, signal, say, clock } = options;
  let orphans: Orphan[] = [];
  let told = false;
  const ended = async () => {
    const all = await findOrphans(exec, cluster);
    const helm = all.filter(({ program }) => program.endsWith("-kubernetes"));
    const installing = helm.length > 0 && (await releases?.list())?.some(isPending);
    orphans = all.filter((each) => each.busy || (installing && helm.includes(each)));
    if (orphans.length === 0) return;
    if (!told) say(`Waiting for plugins of a killed run: ${listed(orphans)}`);
    told = true;
    throw new Error(`${listed(orphans)} still active`);
  };
  const waiting = { what: "the plugins of a killed run", deadlineMs: operationLimitMs, intervalMs: 2000, signal };
  try {
    await eventually(ended, { ...waiting, ...(clock ? { clock } : {}) });
  } catch (cause) {
    signal.throwIfAborted();
    throw new LabError(
      {
        what: `Plugins of a killed run are still active: ${listed(orphans)}`,
        why: "They would change the cluster during the next run",
        fix: `kill ${orphans.map(({ pid }) => pid).join(" ")}   (then run the command again)`,
      },
      { cause },
    );
  }
}

const listed = (orphans: readonly Orphan[]) => orphans.map(({ program, pid }) => `${program} (pid ${pid})`).join(", ");
