import { LabError } from "../../host/errors";
import type { Exec } from "../../host/exec";
import { clusterName } from "../../host/paths";
import { type Clock, eventually } from "../../verify/eventually";
import { lockedStack, lockRefusal } from "../engine/failure";
import type { Engine, OperationOptions, StackState, StateResource } from "../engine/types";
import { ownState } from "../stack/state-ownership";
import { seconds } from "../terminal/progress";
import type { HelmReleases, ReleaseRevision } from "./helm-releases";
import type { DeadLocks } from "./locks";
import { findOrphans, type Orphan } from "./orphans";

/** What recovery looks at. */
export interface RecoverOptions extends OperationOptions {
  engine: Engine;
  exec: Exec;
  stack: string;
  /** Opens the releases of the cluster that a state is in; undefined while none answers there. */
  openReleases: (resources: StackState["resources"]) => Promise<HelmReleases | undefined>;
  /** What engines of this machine left when they died: the proof that they do not work any more. */
  locks: DeadLocks;
  /** Whether the backend's locks are files, so that a live engine of this machine would have been found. */
  fileBackend: boolean;
  say: (line: string) => void;
  /** @default the time of this machine */
  clock?: Clock;
}

/** A Helm install of the lab takes ten minutes at most. An idle plugin may live on for hours and harms nobody. */
const orphanDeadlineMs = 12 * 60_000;

/**
 * Makes a stack that a killed run left in the middle fit for the next `up`; does nothing to a healthy one.
 * @returns the state after that
 * @throws LabError when another engine is at work on the stack, or may be
 */
export async function recover(options: RecoverOptions): Promise<StackState> {
  const { engine, stack, locks, onEvent, signal, say } = options;
  const refused = (cause: unknown) => {
    signal.throwIfAborted();
    throw lockRefusal(cause, stack) ?? cause;
  };
  const state = await ownState(engine);
  const unfinished = state.pending.length > 0;
  const releases = await options.openReleases(state.resources);
  if (locks.count > 0 || unfinished) await waitForPlugins({ ...options, cluster: clusterName(stack), releases });
  const revisions = (await releases?.list()) ?? [];
  const stuck = interruptedReleases(revisions, state);
  for (const other of revisions.filter((each) => isPending(each) && !stuck.includes(each))) {
    say(`! Helm release "${other.release}" is ${other.status}, and the state does not know it: it is left alone`);
    say(`  If no Helm works on it any more: ${releases?.forgetCommand(other)}`);
  }
  if (locks.count > 0) requireInPlace(options);
  // An empty state makes the caller remove what Docker has of the lab.
  else if (stuck.length > 0 || unfinished || (!options.fileBackend && state.resources.length === 0)) {
    requireEnded(stuck, state, options, releases);
    await engine.takeLock({ onEvent, signal }).catch(refused);
  }
  for (const each of stuck) {
    say(`Helm release "${each.release}" was left ${each.status}: its record is removed, Helm adopts the objects`);
    await releases?.forget(each);
  }
  if (locks.count > 0) say("A run that was killed had left its lock: removed");
  locks.remove();
  if (!unfinished) return state;
  say(`A killed run left unfinished operations (${state.pending.length}): the state is put in order`);
  await (releases ? engine.refresh({ onEvent, signal }) : engine.forgetPending()).catch(refused);
  return engine.state();
}

/** While the locks of dead engines are in place, no engine can have started since. */
function requireInPlace({ locks, stack }: Pick<RecoverOptions, "locks" | "stack">): void {
  if (!locks.inPlace()) throw lockedStack(stack, "another engine");
}

/**
 * Without the lock of a dead engine, its plugins may still work on another machine, where they cannot be seen. Time alone
 * proves that a Helm operation ended.
 * @throws LabError for a record that something may still be at work on
 */
function requireEnded(
  stuck: readonly ReleaseRevision[],
  { pending }: StackState,
  { stack, fileBackend }: Pick<RecoverOptions, "stack" | "fileBackend">,
  releases: HelmReleases | undefined,
): void {
  const begun = keysOf(pending.map(({ resource }) => resource));
  for (const revision of stuck.filter(isPending)) {
    const is = `Helm release "${revision.release}" is ${revision.status}`;
    if (!fileBackend && !begun.has(keyOf(revision))) {
      throw new LabError({
        what: `${is}, and the state of stack "${stack}" has no unfinished operation on it`,
        why: "The lab deletes Helm's record only of an operation that an engine of the lab left unfinished",
        fix: `${releases?.forgetCommand(revision)}   (if no Helm works on the release any more; then: npm run up -- --stack ${stack})`,
      });
    }
    const waitMs = orphanDeadlineMs - revision.ageMs;
    if (waitMs <= 0) continue;
    throw new LabError({
      what: `${is}, and its record was written ${seconds(revision.ageMs)} ago`,
      why: "An engine, or a plugin of a killed one, may be at work on it on another machine, where the lab cannot see it",
      fix: `npm run up -- --stack ${stack}   (in ${Math.ceil(waitMs / 60_000)} min: no Helm operation of the lab takes longer)`,
    });
  }
}

interface PluginWaitOptions extends Pick<RecoverOptions, "exec" | "signal" | "say" | "clock"> {
  /** Name of the stack's kind cluster. */
  cluster: string;
  /** Releases of the stack's cluster; absent while no cluster answers. */
  releases: HelmReleases | undefined;
}

/**
 * Waits until what the killed engine's plugins still do is done.
 * @throws LabError with their process ids when they do not come to an end
 */
export async function waitForPlugins({
  exec,
  cluster,
  releases,
  signal,
  say,
  clock,
}: PluginWaitOptions): Promise<void> {
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

/**
 * Records of the stack's releases that would make Helm refuse the next run: begun and never finished, or finished and
 * unknown to the state. A release that the state does not name at all is not the stack's.
 */
export function interruptedReleases(
  revisions: readonly ReleaseRevision[],
  { resources, pending }: StackState,
): ReleaseRevision[] {
  const known = keysOf(resources);
  const begun = keysOf(pending.map(({ resource }) => resource));
  return revisions.filter((revision) => {
    const key = keyOf(revision);
    return isPending(revision) ? known.has(key) || begun.has(key) : begun.has(key) && !known.has(key);
  });
}

const keyOf = ({ namespace, release }: ReleaseRevision) => `${namespace}/${release}`;

/** {@link keyOf} of each Helm release among the resources. */
function keysOf(resources: readonly StateResource[]): ReadonlySet<string> {
  const releases = resources.filter(({ type }) => type === "kubernetes:helm.sh/v3:Release");
  return new Set(
    releases.map(({ inputs }) => `${String(inputs?.namespace ?? "default")}/${String(inputs?.name ?? "")}`),
  );
}
