import type { LabSettings } from "../../config/schema";
import { meshPath, policies } from "../../experiments/objects";
import { controlPath, inMeshClient, usualMethod } from "../../experiments/requests";
import type { Experiment } from "../../experiments/types";
import { killTargets, numbers } from "./objects";

/** Parts of the mesh are killed under load, one after the other. */
export const chaos: Experiment = {
  id: "chaos",
  module: "chaos",
  tour: {
    id: "chaos",
    title: "Kill istiod, ztunnel, the waypoint and a node: who notices, and for how long",
    watch: "traffic --path /get --for 60s",
  },
  title: "What is killed under load is missed for no longer than stated",
  question: "When istiod, ztunnel, the waypoint or a node is killed: who notices, for how long, and what is lost?",
  why: "Without istiod every proxy goes on with what it knows: nothing may be lost. ztunnel carries every connection of its node, and the waypoint every request to appb; there is one of each, so that both are missed until the next one is there. A node takes all of its pods with it. After its restart they look healthy and may have left the mesh: they are rolled out anew, which is part of the time.",
  rows: [],
  objects: [...meshPath, "Deployment/loadgen", ...policies, "Deployment/istiod", "DaemonSet/istio-cni-node"],
  alone: true,
  skip: ({ settings }) => {
    if (!inMeshClient(settings)) return "allowedCallers names nobody inside the mesh";
    return pathOf(settings) ? undefined : "the fault is on every path: each request is late by itself";
  },
  steps: (settings) => [
    {
      kind: "check",
      name: "killed under load",
      check: "chaos",
      method: usualMethod(settings),
      path: pathOf(settings) ?? "/",
      kills: killTargets.map((victim) => ({ victim, bound: numbers.bounds[victim] })),
    },
  ],
};

const pathOf = (settings: LabSettings): string | undefined => {
  const method = usualMethod(settings);
  return settings.faultEnabled ? controlPath(settings, method) : (controlPath(settings, method) ?? "/anything");
};
