import type { Policies, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { outsideThePool } from "./addresses";
import { bypassableServices, layer7OnSelector, unheardPolicies } from "./authorization";
import { unpinnedImages } from "./images";
import type { Manifest } from "./manifest";
import { unconfinedPods } from "./pods";

/**
 * What was declared, by URN. While a cluster is still to be made, the engine hands a stack's policies outputs that are
 * empty: the inputs come by only once, in each resource's own turn, and all of these before the stack's.
 */
const declared = new Map<string, Manifest>();

const isKubernetes = (type: string): boolean => type.startsWith("kubernetes:");

/** A policy over each object by itself. */
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

/** A policy over all objects together. */
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

/** The lab's guard-rails. What a rule reads is plain data; this file alone knows Pulumi's side. */
export const policies: Policies = [
  ofObject("pinned-images", "Every image has a tag other than latest, or a digest", unpinnedImages),
  ofObject("pods-are-confined", "No pod reaches for its node's network, processes or files", unconfinedPods),
  ofObject("layer-7-by-target", "Fields of layer 7 stand only in policies of a waypoint", layer7OnSelector),
  ofStack("waypoint-only", "A Service with a waypoint lets in nobody else", bypassableServices),
  ofStack("enforced-at-waypoint", "No policy is for a proxy that gets none", unheardPolicies),
  ofStack("addresses-of-the-pool", "Load balancers take addresses of the lab's own pool", outsideThePool),
];
