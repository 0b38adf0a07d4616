import type { Exec, ExecResult } from "./exec";

/** Label of a node container: the name of its kind cluster (kind v0.33.0, pkg/cluster/internal/providers/docker/constants.go). */
export const kindClusterLabel = "io.x-k8s.kind.cluster";

/**
 * Lists node containers of kind clusters, running or not, by `docker ps`.
 * @param format Go template of a line
 * @param cluster name of a cluster @default all clusters
 */
export const listNodes = (exec: Exec, format: string, cluster?: string): Promise<ExecResult> =>
  exec("docker", [
    ...["ps", "--all", "--filter", `label=${kindClusterLabel}${cluster === undefined ? "" : `=${cluster}`}`],
    ...["--format", format],
  ]);
