import type { Experiment } from "./types";

/** Row 6: the applications are enrolled in the mesh. */
export const enrolment: Experiment = {
  id: "enrolment",
  title: "ztunnel knows the applications as HBONE, and the outsider as plain TCP",
  question: "Does every ztunnel list the applications as members of the mesh?",
  why: "The redirection annotation survives a restart of the node that loses the redirection itself; traffic follows ztunnel's own list.",
  rows: [6],
  objects: [
    "Namespace/default",
    "DaemonSet/ztunnel",
    "DaemonSet/istio-cni-node",
    "Deployment/istiod",
    "Deployment/appb",
  ],
  steps: () => [
    {
      kind: "check",
      name: "ztunnel's workload list",
      check: "enrolment",
      hbone: ["appa", "appb", "stranger"],
      plain: ["outsider"],
    },
  ],
};
