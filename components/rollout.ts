import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { appNamespace } from "../config/vocabulary";
import { type ChildOptions, child } from "./child";

/**
 * `spec.infrastructure` of a Gateway that is awaited by annotation. Without it istiod copies the Gateway's annotations to
 * the Deployment it generates, and the engine would then wait for a condition that no Deployment ever has.
 */
export const ownAnnotations = { annotations: { "ambient-lab/generated": "true" } };

/** What a Gateway's Deployment must run before the lab counts as ready. */
export interface Proxies {
  /** Version of Istio that the proxy must have. */
  istio: string;
  /** What is there before istiod has certainly written that version into the Deployment. @default nothing */
  after?: pulumi.Resource[];
}

/**
 * Waits for the Deployment that istiod generates for a Gateway. "Programmed" was seen True with no ready pod and with a
 * proxy in a crash loop; the engine's own Deployment await tells. The annotation is all that the lab owns of it; another
 * Istio in it makes the engine wait again, for the proxies that istiod then rolls.
 */
export function rollout(
  name: string,
  deployment: string,
  istio: string,
  options: ChildOptions,
  namespace: string = appNamespace,
): k8s.apps.v1.DeploymentPatch {
  const metadata = { name: deployment, namespace, annotations: { "ambient-lab/awaited": istio } };
  return new k8s.apps.v1.DeploymentPatch(...child(name, options, { metadata }));
}
