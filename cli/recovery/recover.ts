import { LabError } from "../../host/errors";
import type { Exec } from "../../host/exec";
import { clusterName } from "../../host/paths";
import type { Clock } from "../../verify/eventually";
import { lockedStack, lockRefusal } from "../engine/failure";
import type { Engine, OperationOptions, StackState } from "../engine/types";
import { ownState } from "../stack/state-ownership";
import { seconds } from "../terminal/progress";
import {
  type HelmReleases,
  interruptedReleases,
  isPending,
  keyOf,
  keysOf,
  type ReleaseRevision,
} from "./helm-releases";
import type { StaleLocks } from "./locks";
import { operationLimitMs, waitForPlugins } from "./plugins";

/** Options of {@link recover}. */
export interface RecoverOptions extends OperationOptions {
  engine: Engine;
  exec: Exec;
  stack: string;
  /** Opens the releases of the cluster in a state; undefined when it does not answer, or when it will be deleted. */
  openReleases: (resources: StackState["resources"]) => Promise<HelmReleases | undefined>;
  /** Locks of dead engines of this machine. */
  locks: StaleLocks;
  /** Whether the backend's locks are files, by which a running engine of this machine is found. */
  fileBackend: boolean;
  say: (line: string) => void;
  /** @default the time of this machine */
  clock?: Clock;
}

/** Leftovers of a killed run. */
interface Crash {
  state: StackState;
  /** Releases of the cluster; absent when it does not answer. */
  releases: HelmReleases | undefined;
  /** Records of Helm that must be deleted. */
  interrupted: readonly ReleaseRevision[];
}

/**
 * Recovers a stack from a crash, so that the next operation of the engine continues where a killed run stopped. A healthy stack
 * is not changed.
 * @returns the recovered state
 * @throws LabError when another engine works on the stack, or may do so
 */
export async function recover(options: RecoverOptions): Promise<StackState> {
  const { engine, stack, locks } = options;
  const state = await ownState(engine);
  const releases = await options.openReleases(state.resources);
  if (locks.count > 0 || state.pending.length > 0) {
    await waitForPlugins({ ...options, cluster: clusterName(stack), releases });
  }
  const revisions = (await releases?.list()) ?? [];
  const crash = { state, releases, interrupted: interruptedReleases(revisions, state) };
  reportForeignReleases(options, crash, revisions);
  await requireNoOtherEngine(options, crash);
  await deleteReleaseRecords(options, crash);
  removeStaleLocks(options);
  return clearPendingOperations(options, crash);
}

/** Reports unfinished operations of Helm on releases of others: the user must decide whether they still run. */
function reportForeignReleases(
  { say }: RecoverOptions,
  { releases, interrupted }: Crash,
  revisions: readonly ReleaseRevision[],
): void {
  for (const other of revisions.filter((each) => isPending(each) && !interrupted.includes(each))) {
    say(`! Helm release "${other.release}" is ${other.status}, and it is not in the state: it is not changed`);
    say(`  If no Helm works on it any more: ${releases?.forgetCommand(other)}`);
  }
}

/**
 * Requires that no engine works on the stack. While the locks of dead engines exist, no engine can have started; without such
 * locks, the stack's lock is taken.
 */
async function requireNoOtherEngine(options: RecoverOptions, crash: Crash): Promise<void> {
  const { engine, stack, locks, fileBackend, onEvent, signal } = options;
  if (locks.count > 0) {
    if (!locks.inPlace()) throw lockedStack(stack, "another engine");
    return;
  }
  const { state, interrupted } = crash;
  // For a stack with an empty state the caller removes what Docker has of the lab.
  const emptied = !fileBackend && state.resources.length === 0;
  if (interrupted.length === 0 && state.pending.length === 0 && !emptied) return;
  requireEndedOperations(options, crash);
  await engine.takeLock({ onEvent, signal }).catch((cause: unknown) => refusedBy(cause, options));
}

function refusedBy(cause: unknown, { stack, signal }: RecoverOptions): never {
  signal.throwIfAborted();
  throw lockRefusal(cause, stack) ?? cause;
}

/**
 * Without the lock of a dead engine, its plugins may still run on another machine. Only the age of a record proves that the
 * operation of Helm has ended.
 * @throws LabError for a record of an operation that may still run
 */
function requireEndedOperations({ stack, fileBackend }: RecoverOptions, { state, interrupted, releases }: Crash): void {
  const begun = keysOf(state.pending.map(({ resource }) => resource));
  for (const revision of interrupted.filter(isPending)) {
    const is = `Helm release "${revision.release}" is ${revision.status}`;
    if (!fileBackend && !begun.has(keyOf(revision))) {
      throw new LabError({
        what: `${is}, and the state of stack "${stack}" has no unfinished operation on it`,
        why: "The lab deletes Helm's record only of an operation that an engine of the lab left unfinished",
        fix: `${releases?.forgetCommand(revision)}   (if no Helm works on the release any more; then: npm run up -- --stack ${stack})`,
      });
    }
    const waitMs = operationLimitMs - revision.ageMs;
    if (waitMs <= 0) continue;
    throw new LabError({
      what: `${is}, and its record was written ${seconds(revision.ageMs)} ago`,
      why: "An engine, or a plugin of a killed one, may be working on it on another machine",
      fix: `npm run up -- --stack ${stack}   (in ${Math.ceil(waitMs / 60_000)} min: no Helm operation of the lab takes longer)`,
    });
  }
}

/** Deletes the records that make Helm refuse the next run. The objects of the releases stay. */
async function deleteReleaseRecords({ say }: RecoverOptions, { interrupted, releases }: Crash): Promise<void> {
  for (const each of interrupted) {
    say(`Helm release "${each.release}" was left ${each.status}: its record is removed, Helm adopts the objects`);
    await releases?.forget(each);
  }
}

function removeStaleLocks({ locks, say }: RecoverOptions): void {
  if (locks.count > 0) say("Removed the lock of a killed run");
  locks.remove();
}

/** Clears the unfinished operations in the state, by a refresh if the cluster answers. */
async function clearPendingOperations(options: RecoverOptions, { state, releases }: Crash): Promise<StackState> {
  const { engine, say, onEvent, signal } = options;
  if (state.pending.length === 0) return state;
  say(`A killed run left unfinished operations (${state.pending.length}): the state is repaired`);
  const cleared = releases ? engine.refresh({ onEvent, signal }) : engine.forgetPending();
  await cleared.catch((cause: unknown) => refusedBy(cause, options));
  return engine.state();
}
