import { nodeSysctls } from "../config/vocabulary";
import type { Experiment } from "./types";

/** Row 2: kernel limits that a mesh on one machine runs into. */
export const sysctls: Experiment = {
  id: "sysctls",
  title: "Every node has sufficient inotify limits",
  question: "Are the kernel's inotify limits on every node at least what the lab sets?",
  why: "All nodes of a kind cluster share one kernel and one user: kubelets, istio-cni and the proxies share its inotify instances and watches, and fail with 'too many open files' when the limit is reached.",
  rows: [2],
  objects: [],
  skip: (facts) => (facts.cluster === "kind" ? undefined : "the lab does not own the nodes of an existing cluster"),
  steps: () => [
    {
      kind: "check",
      name: "inotify limits on every node",
      check: "sysctls",
      atLeast: nodeSysctls,
    },
  ],
};
