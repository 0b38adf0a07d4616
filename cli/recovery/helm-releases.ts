import { LabError } from "../../host/errors";
import { clientConfig } from "../../host/kube-api";
import { type ClusterAddress, kubectlOf } from "../../host/paths";
import type { StackState, StateResource } from "../engine/types";

/** A revision of a Helm release, from the labels of its Secret. */
export interface ReleaseRevision {
  /** Name of the Secret: `sh.helm.release.v1.NAME.vREVISION`. */
  secret: string;
  namespace: string;
  release: string;
  /** Status of Helm: deployed, superseded, failed, pending-install, pending-upgrade, pending-rollback, uninstalling. */
  status: string;
  /** Milliseconds since the last write of the Secret, by the clock of the API server; 0 when its time is not known. */
  ageMs: number;
  /** Identity of the Secret when it was read. */
  version: { uid: string; resourceVersion: string };
}

/** The Helm releases of one cluster. */
export interface HelmReleases {
  list(): Promise<ReleaseRevision[]>;
  /**
   * Deletes the record of a revision.
   * @throws LabError when the record was written since it was listed
   */
  forget(revision: ReleaseRevision): Promise<void>;
  /** A shell command that deletes the record. */
  forgetCommand(revision: ReleaseRevision): string;
}

/**
 * The releases of a cluster.
 * @returns undefined when the cluster does not answer
 */
export async function openHelmReleases(address: ClusterAddress): Promise<HelmReleases | undefined> {
  const config = await clientConfig(address);
  if (!config) return undefined;
  const { CoreV1Api } = await import("@kubernetes/client-node");
  const api = config.makeApiClient(CoreV1Api);
  const list = async () => {
    // A Secret contains a whole chart. Superseded revisions are not needed.
    const { data, headers } = await api.listSecretForAllNamespacesWithHttpInfo({
      labelSelector: "owner=helm,status!=superseded",
    });
    const now = Date.parse(headers.date ?? "");
    return data.items.map(({ metadata }) => ({
      secret: metadata?.name ?? "",
      namespace: metadata?.namespace ?? "",
      release: metadata?.labels?.name ?? "",
      status: metadata?.labels?.status ?? "",
      ageMs: ageOf(metadata, now),
      version: { uid: metadata?.uid ?? "", resourceVersion: metadata?.resourceVersion ?? "" },
    }));
  };
  const answers = await list().then(
    () => true,
    () => false,
  );
  if (!answers) return undefined;
  return {
    list,
    async forget({ secret, namespace, release, version }) {
      await api
        .deleteNamespacedSecret({ name: secret, namespace, body: { preconditions: version } })
        .catch((thrown: unknown) => {
          const status: unknown = thrown instanceof Error && Reflect.get(thrown, "code");
          if (status !== 404 && status !== 409) throw thrown;
          throw new LabError(
            {
              what: `The record of Helm release "${release}" changed while it was to be deleted`,
              why: "Another engine, or a user with Helm, is changing the release",
              fix: `${kubectlOf(address)} --namespace ${namespace} get secret --selector owner=helm,name=${release} --show-labels   (shows its status; then run the command again)`,
            },
            { cause: thrown },
          );
        });
    },
    forgetCommand: ({ secret, namespace }) => `${kubectlOf(address)} --namespace ${namespace} delete secret ${secret}`,
  };
}

/** Times of an object's writes. */
interface Writes {
  creationTimestamp?: Date;
  managedFields?: readonly { time?: Date }[];
}

function ageOf(metadata: Writes | undefined, now: number): number {
  const writes = [metadata?.creationTimestamp, ...(metadata?.managedFields ?? []).map(({ time }) => time)];
  const last = Math.max(...writes.flatMap((time) => (time ? [time.getTime()] : [])));
  const age = now - last;
  return Number.isFinite(age) ? Math.max(0, age) : 0;
}

/** Whether an operation of Helm on the release is unfinished. */
export const isPending = ({ status }: ReleaseRevision): boolean => status.startsWith("pending-");

/**
 * Records that make Helm refuse the next run: of unfinished operations on the stack's releases, and of releases that are
 * complete but not in the state. A release without a resource or pending operation in the state is not the stack's.
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

/** Key of a release: namespace and name. */
export const keyOf = ({ namespace, release }: ReleaseRevision) => `${namespace}/${release}`;

/** {@link keyOf} of each Helm release among the resources. */
export function keysOf(resources: readonly StateResource[]): ReadonlySet<string> {
  const releases = resources.filter(({ type }) => type === "kubernetes:helm.sh/v3:Release");
  return new Set(
    releases.map(({ inputs }) => `${String(inputs?.namespace ?? "default")}/${String(inputs?.name ?? "")}`),
  );
}
