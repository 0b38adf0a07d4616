import type { Experiment } from "./types";

/** Row 1: the nodes. */
export const nodes: Experiment = {
  id: "nodes",
  title: "All nodes are Ready, with the time of this machine",
  question:
    "Does the cluster have the nodes that the stack configures, Ready and with a clock that agrees with this machine?",
  why: "ztunnel's certificates are valid from two minutes before they are issued: a node whose clock is further behind refuses them. A laptop that slept is the usual cause.",
  rows: [1],
  objects: [],
  steps: () => [
    { kind: "check", name: "every node is Ready", check: "nodes" },
    { kind: "check", name: "the nodes' clocks agree with this machine", check: "clock", toleranceSeconds: 60 },
  ],
};
