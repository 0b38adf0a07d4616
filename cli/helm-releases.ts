import { clientConfig } from "../cluster-api";
import type { ClusterAddress } from "../host";

/** One revision of a Helm release, as its Secret's labels tell. */
export interface ReleaseRevision {
  /** Name of the Secret: `sh.helm.release.v1.NAME.vREVISION`. */
  secret: string;
  namespace: string;
  release: string;
  /** Helm's word: deployed, superseded, failed, pending-install, pending-upgrade, pending-rollback, uninstalling. */
  status: string;
}

/** The Helm releases of one cluster. */
export interface HelmReleases {
  list(): Promise<ReleaseRevision[]>;
  forget(revision: ReleaseRevision): Promise<void>;
}

/**
 * The releases of the cluster at that address.
 * @returns undefined when nothing answers there: a cluster that is gone has no releases to mend
 */
export async function openHelmReleases(address: ClusterAddress): Promise<HelmReleases | undefined> {
  const config = await clientConfig(address);
  if (!config) return undefined;
  const { CoreV1Api } = await import("@kubernetes/client-node");
  const api = config.makeApiClient(CoreV1Api);
  const list = async () => {
    // The Secrets hold whole charts; superseded revisions would only add to the megabytes.
    const { items } = await api.listSecretForAllNamespaces({ labelSelector: "owner=helm,status!=superseded" });
    return items.map(({ metadata }) => ({
      secret: metadata?.name ?? "",
      namespace: metadata?.namespace ?? "",
      release: metadata?.labels?.name ?? "",
      status: metadata?.labels?.status ?? "",
    }));
  };
  const answers = await list().then(
    () => true,
    () => false,
  );
  if (!answers) return undefined;
  return {
    list,
    async forget({ secret, namespace }) {
      await api.deleteNamespacedSecret({ name: secret, namespace });
    },
  };
}
