import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { appNamespace } from "./names";

/**
 * `spec.infrastructure` of a Gateway that is awaited by annotation. Without it istiod copies the Gateway's annotations to
 * the Deployment it generates, and the engine would then wait for a condition that no Deployment ever has.
 */
export const ownAnnotations = { annotations: { "ambient-lab/generated": "true" } };

/**
 * Waits for the Deployment that istiod generates for a Gateway. "Programmed" was seen True with no ready pod and with a
 * proxy in a crash loop; the engine's own Deployment await tells. The annotation is all that the lab owns of it.
 */
export function rollout(
  name: string,
  deployment: string,
  opts: pulumi.CustomResourceOptions,
): k8s.apps.v1.DeploymentPatch {
  return new k8s.apps.v1.DeploymentPatch(
    name,
    { metadata: { name: deployment, namespace: appNamespace, annotations: { "ambient-lab/awaited": "true" } } },
    opts,
  );
}
