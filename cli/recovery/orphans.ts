import type { Exec } from "../../host/exec";

/** A plugin whose engine is gone. */
export interface Orphan {
  pid: number;
  /** Its program, such as `pulumi-resource-kubernetes`. */
  program: string;
  /** Whether it still runs a command of its own. */
  busy: boolean;
}

interface Process {
  pid: number;
  parent: number;
  args: string;
}

/**
 * Programs that a killed engine left behind: its plugins, which finish what they were asked for minutes later, and the
 * kind of a script whose plugin is gone as well. Cluster and releases change under whoever does not wait for them.
 */
export async function findOrphans(exec: Exec, cluster: string): Promise<Orphan[]> {
  const { stdout } = await exec("ps", ["-axo", "pid=,ppid=,args="]);
  const processes = stdout.split("\n").flatMap(parseLine);
  const byPid = new Map(processes.map((each) => [each.pid, each]));
  const hasEngine = ({ parent }: Process): boolean => {
    const owner = byPid.get(parent);
    return owner !== undefined && (isEngine(owner.args) || hasEngine(owner));
  };
  return processes.flatMap((each) => {
    const plugin = /^\S*?(pulumi-resource-[\w-]+)/.exec(each.args)?.[1];
    const onCluster = /\bkind (create|delete|load) .*--name (\S+)/.exec(each.args)?.[2] === cluster;
    const program = plugin ?? (onCluster ? "kind" : undefined);
    if (!program || hasEngine(each)) return [];
    return [{ pid: each.pid, program, busy: onCluster || processes.some(({ parent }) => parent === each.pid) }];
  });
}

/** An engine may be any program that embeds one, `pulumi` itself most of the time; a reaper has taken over an orphan. */
function isEngine(args: string): boolean {
  const program = args.split(" ")[0]?.split("/").at(-1) ?? "";
  return /^pulumi(-(?!resource-).*)?$/.test(program);
}

function parseLine(line: string): Process[] {
  const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
  return pid && parent && args ? [{ pid: Number(pid), parent: Number(parent), args }] : [];
}
