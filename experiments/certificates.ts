import type { Experiment } from "./types";

/** Row 6: the certificates of the identities. */
export const certificates: Experiment = {
  id: "certificates",
  title: "ztunnel holds valid certificates for every application",
  question: "Does the ztunnel on the node of each application hold an available, unexpired certificate for it?",
  why: "A ztunnel holds the keys of the workloads on its own node only, and renews them with istiod; a certificate that is not Available means that istiod does not sign.",
  rows: [6],
  objects: ["Namespace/default", "DaemonSet/ztunnel", "Deployment/istiod", "Deployment/appb"],
  steps: () => [
    {
      kind: "check",
      name: "certificates of the applications",
      check: "certificates",
      accounts: ["appa", "appb", "stranger"],
    },
  ],
};
