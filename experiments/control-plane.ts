import type { LabObject } from "./slices";
import type { Experiment } from "./types";

const mesh = ["Deployment/istiod", "DaemonSet/istio-cni-node", "DaemonSet/ztunnel"] as const satisfies LabObject[];

/** Row 5: Istio itself. */
export const controlPlane: Experiment = {
  id: "control-plane",
  title: "istiod, istio-cni and ztunnel are rolled out everywhere, all of Istio in the version asked for",
  question:
    "Is the control plane available, does every node have a ready istio-cni and ztunnel, and do they and the proxies run the same Istio?",
  why: "The data plane keeps its last configuration without istiod: all requests succeed, and no change arrives any more.",
  rows: [5],
  objects: mesh,
  steps: () => [
    {
      kind: "check",
      name: "rollouts of the mesh",
      check: "rollouts",
      objects: mesh,
    },
    {
      kind: "check",
      name: "version of the mesh",
      check: "istio-version",
      objects: [...mesh, "Deployment/gateway-istio", "Deployment/waypoint"],
    },
  ],
};
