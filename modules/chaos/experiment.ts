import type { LabSettings } from "../../config/schema";
import { check } from "../../experiments/checks";
import { meshPath, policies } from "../../experiments/objects";
import { controlPath, inMeshClient, usualMethod } from "../../experiments/requests";
import type { Experiment } from "../../experiments/types";
import { killTargets, numbers } from "./objects";

/** Kills parts of the mesh under load, one after the other. */
export const chaos: Experiment = {
  id: "chaos",
  module: "chaos",
  tour: {
    id: "chaos",
    title: "Kill istiod, ztunnel, the waypoint and a node: which requests fail, and for how long",
    watch: "traffic --path /get --for 60s",
  },
  title: "Parts of the mesh that are killed under load are missing no longer than stated",
  question: "When istiod, ztunnel, the waypoint or a node is killed: how many requests fail, and for how long?",
  why: "Without istiod every proxy keeps its last configuration: no request may fail. ztunnel carries every connection of its node, and the waypoint every request to appb; there is one replica of each, so that requests fail until the next one is ready. A node takes down all of its pods. After its restart they look healthy and may have left the mesh: their rollout is restarted, which is part of the time.",
  rows: [],
  objects: [...meshPath, "Deployment/loadgen", ...policies, "Deployment/istiod", "DaemonSet/istio-cni-node"],
  alone: true,
  skip: ({ settings }) => {
    if (!inMeshClient(settings)) return "allowedCallers names no caller inside the mesh";
    return pathOf(settings) ? undefined : "the fault is on every path: each request is late by itself";
  },
  steps: (settings) => [
    check("killed under load", {
      check: "chaos",
      method: usualMethod(settings),
      path: pathOf(settings) ?? "/",
      kills: killTargets.map((victim) => ({ victim, bound: numbers.bounds[victim] })),
    }),
  ],
};

const pathOf = (settings: LabSettings): string | undefined => {
  const method = usualMethod(settings);
  return settings.faultEnabled ? controlPath(settings, method) : (controlPath(settings, method) ?? "/anything");
};
