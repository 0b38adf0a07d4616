import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

export interface ClusterProviderArgs {
  /** Path of the kubeconfig file. */
  kubeconfig: pulumi.Input<string>;
  /** Context in it. */
  context: pulumi.Input<string> | undefined;
  /** Identity of the cluster. After a change, the engine regards all objects in it as deleted. */
  clusterId: pulumi.Input<string>;
}

/** The provider of all objects in the lab's cluster. */
export function clusterProvider(
  name: string,
  { kubeconfig, context, clusterId }: ClusterProviderArgs,
  options: pulumi.ResourceOptions,
): k8s.Provider {
  return new k8s.Provider(
    name,
    {
      kubeconfig,
      context,
      clusterIdentifier: clusterId,
      // The stack owns its objects. Without this, an update of a field that another field manager wrote as well is a conflict
      // (pulumi-kubernetes 4.32.0, provider/pkg/await/await.go, patchForce).
      enablePatchForce: true,
      // For objects of a killed run that are not in the state.
      upsertExistingObjects: true,
      enableConfigMapMutable: true,
      enableSecretMutable: true,
      suppressHelmHookWarnings: true,
    },
    options,
  );
}
