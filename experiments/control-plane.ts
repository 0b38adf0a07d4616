import type { Experiment } from "./types";

/** Row 5: Istio itself. */
export const controlPlane: Experiment = {
  id: "control-plane",
  title: "istiod, istio-cni and ztunnel are rolled out everywhere",
  question: "Is the control plane available, and does every node have a ready istio-cni and ztunnel?",
  why: "The data plane goes on without istiod, with the last configuration it got: all requests look well while no change arrives any more.",
  rows: [5],
  objects: ["Deployment/istiod", "DaemonSet/istio-cni-node", "DaemonSet/ztunnel"],
  steps: () => [
    {
      kind: "check",
      name: "rollouts of the mesh",
      check: "rollouts",
      objects: ["Deployment/istiod", "DaemonSet/istio-cni-node", "DaemonSet/ztunnel"],
    },
  ],
};
