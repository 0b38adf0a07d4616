import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { appNamespace } from "../config/vocabulary";
import { type ChildOptions, child } from "./child";

/**
 * `spec.infrastructure` of a Gateway with the annotation `waitFor`. Without it, istiod would copy the annotation to the Deployment
 * that it generates, and the engine would wait for a condition that a Deployment does not have.
 */
export const ownAnnotations = { annotations: { "ambient-lab/generated": "true" } };

/** The proxies of Gateways, which the lab waits for. */
export interface Proxies {
  /** Version of Istio of the proxies. */
  istio: string;
  /** Dependencies after which istiod has written that version into the Deployments. @default none */
  after?: pulumi.Resource[];
}

/**
 * Waits for the rollout of the Deployment that istiod generates for a Gateway. The condition "Programmed" was seen True without a
 * ready pod, and with a proxy in a crash loop. The lab manages only an annotation of the Deployment; with another version of
 * Istio in it, the engine waits again, for the upgraded proxies.
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
