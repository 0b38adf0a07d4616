import { LabError } from "../errors";
import type { Exec } from "../exec";
import { type Clock, eventually } from "../verify/eventually";
import type { Engine, OperationOptions, StackState, StateResource } from "./engine/types";
import type { HelmReleases, ReleaseRevision } from "./helm-releases";
import { findOrphans, type Orphan } from "./orphans";
import { ownState } from "./state-ownership";

/** What recovery looks at. */
export interface RecoverOptions extends OperationOptions {
  engine: Engine;
  exec: Exec;
  /** Name of the stack's kind cluster. */
  cluster: string;
  /** Opens the releases of the cluster that a state is in; undefined while none answers there. */
  openReleases: (resources: StackState["resources"]) => Promise<HelmReleases | undefined>;
  /** Whether the whole cluster is the stack's own. In a cluster that others use, only what a killed run had begun is touched. */
  ownCluster: boolean;
  /** Whether a killed engine left traces (its lock), so that its plugins may still run. */
  wasKilled: boolean;
  say: (line: string) => void;
  /** @default the time of this machine */
  clock?: Clock;
}

/** A Helm install of the lab takes ten minutes at most. An idle plugin may live on for hours and harms nobody. */
const orphanDeadlineMs = 12 * 60_000;

/**
 * Makes a stack that a killed run left in the middle fit for the next `up`; does nothing to a healthy one.
 * @returns the state after that
 */
export async function recover(options: RecoverOptions): Promise<StackState> {
  const { engine, say } = options;
  const state = await ownState(engine);
  const releases = await options.openReleases(state.resources);
  if (options.wasKilled || state.pending.length > 0) await settle({ ...options, releases });
  for (const stuck of releases ? stuckReleases(await releases.list(), state, options.ownCluster) : []) {
    say(`Helm release "${stuck.release}" was left ${stuck.status}: its record is removed, Helm adopts the objects`);
    await releases?.forget(stuck);
  }
  if (state.pending.length === 0) return state;
  say(`A killed run left unfinished operations (${state.pending.length}): the state is put in order`);
  if (releases) await engine.refresh({ onEvent: options.onEvent, signal: options.signal });
  else await engine.forgetPending();
  return engine.state();
}

interface SettleOptions extends Pick<RecoverOptions, "exec" | "cluster" | "signal" | "say" | "clock"> {
  /** Releases of the stack's cluster; absent while no cluster answers. */
  releases: HelmReleases | undefined;
}

/**
 * Waits until what the killed engine's plugins still do is done.
 * @throws LabError with their process ids when they do not come to an end
 */
export async function settle({ exec, cluster, releases, signal, say, clock }: SettleOptions): Promise<void> {
  let orphans: Orphan[] = [];
  let told = false;
  const settled = async () => {
    const all = await findOrphans(exec, cluster);
    const helm = all.filter(({ program }) => program.endsWith("-kubernetes"));
    const installing = helm.length > 0 && (await releases?.list())?.some(isPending);
    orphans = all.filter((each) => each.busy || (installing && helm.includes(each)));
    if (orphans.length === 0) return;
    if (!told) say(`Waiting for plugins that a killed run left at work: ${listed(orphans)}`);
    told = true;
    throw new Error(`${listed(orphans)} still at work`);
  };
  const waiting = { what: "the plugins of a killed run", deadlineMs: orphanDeadlineMs, intervalMs: 2000, signal };
  try {
    await eventually(settled, { ...waiting, ...(clock ? { clock } : {}) });
  } catch (cause) {
    signal.throwIfAborted();
    throw new LabError(
      {
        what: `Plugins of a killed run still work: ${listed(orphans)}`,
        why: "They change the cluster behind the back of the next run",
        fix: `kill ${orphans.map(({ pid }) => pid).join(" ")}   (then run the command again)`,
      },
      { cause },
    );
  }
}

const listed = (orphans: readonly Orphan[]) => orphans.map(({ program, pid }) => `${program} (pid ${pid})`).join(", ");
const isPending = ({ status }: ReleaseRevision) => status.startsWith("pending-");

/** Records that would make Helm refuse the next run: begun and never finished, or finished and unknown to the state. */
export function stuckReleases(
  revisions: readonly ReleaseRevision[],
  { resources, pending }: StackState,
  ownCluster: boolean,
): ReleaseRevision[] {
  const known = new Set(resources.filter(isRelease).map(keyOf));
  const begun = new Set(
    pending
      .map(({ resource }) => resource)
      .filter(isRelease)
      .map(keyOf),
  );
  return revisions.filter((revision) => {
    const key = `${revision.namespace}/${revision.release}`;
    const ours = known.has(key) || begun.has(key);
    return isPending(revision) ? ours || ownCluster : begun.has(key) && !known.has(key);
  });
}

const isRelease = ({ type }: StateResource) => type === "kubernetes:helm.sh/v3:Release";
const keyOf = ({ inputs }: StateResource) => `${String(inputs?.namespace ?? "default")}/${String(inputs?.name ?? "")}`;
