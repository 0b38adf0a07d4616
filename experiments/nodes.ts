import type { Experiment } from "./types";

/** Row 1: the machines under the mesh. */
export const nodes: Experiment = {
  id: "nodes",
  title: "All nodes are Ready and keep the time of this machine",
  question: "Does the cluster have the nodes the stack asks for, Ready and with a clock that agrees with ours?",
  why: "ztunnel's certificates are born two minutes in the past: a node whose clock is further off refuses them. A laptop that slept is the usual cause.",
  rows: [1],
  objects: [],
  steps: () => [
    { kind: "check", name: "every node is Ready", check: "nodes" },
    { kind: "check", name: "the nodes' clocks agree with this machine", check: "clock", toleranceSeconds: 60 },
  ],
};
