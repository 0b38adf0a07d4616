import type { Policies, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { outsideThePool } from "./addresses";
import { bypassableServices, layer7OnSelector, unenforcedPolicies } from "./authorization";
import { unpinnedImages } from "./images";
import type { Manifest } from "./manifest";
import { unconfinedPods } from "./pods";

/**
 * Inputs of the declared objects, by URN. In the preview of a new cluster, stack policies get empty outputs. The engine passes the
 * inputs only to the resource policies, which all run before the stack policies.
 */
const declared = new Map<string, Manifest>();

const isKubernetes = (type: string): boolean => type.startsWith("kubernetes:");

/** A policy for each object. */
const ofObject = (
  name: string,
  description: string,
  rule: (object: Manifest) => string[],
): ResourceValidationPolicy => ({
  ...{ name, description, enforcementLevel: "mandatory" },
  validateResource: ({ type, urn, props }, report) => {
    if (!isKubernetes(type)) return;
    declared.set(urn, props);
    for (const violation of rule(props)) report(violation);
  },
});

/** A policy for all objects together. */
const ofStack = (
  name: string,
  description: string,
  rule: (objects: readonly Manifest[]) => string[],
): StackValidationPolicy => ({
  ...{ name, description, enforcementLevel: "mandatory" },
  validateStack: ({ resources }, report) => {
    const objects = resources
      .filter(({ type }) => isKubernetes(type))
      .map(({ urn, props }) => declared.get(urn) ?? props);
    for (const violation of rule(objects)) report(violation);
  },
});

/** The policies of the pack. Their rules read plain objects; only this file uses Pulumi. */
export const policies: Policies = [
  ofObject("pinned-images", "Every image has a tag other than latest, or a digest", unpinnedImages),
  ofObject("pods-are-confined", "No pod reaches for its node's network, processes or files", unconfinedPods),
  ofObject("layer-7-by-target", "Fields of layer 7 stand only in policies of a waypoint", layer7OnSelector),
  ofStack("waypoint-only", "A Service with a waypoint lets in nobody else", bypassableServices),
  ofStack("enforced-at-waypoint", "No policy is for a proxy that gets none", unenforcedPolicies),
  ofStack("addresses-of-the-pool", "Load balancers take addresses of the lab's own pool", outsideThePool),
];
