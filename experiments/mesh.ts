import { check } from "./checks";
import { meshPath, policies } from "./objects";
import { pathFor, usualMethod } from "./requests";
import type { Experiment } from "./types";

/** Row 6: the applications are enrolled in the mesh. */
export const enrolment: Experiment = {
  id: "enrolment",
  title: "ztunnel lists the applications as HBONE workloads, and the outsider as plain TCP",
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
    check("ztunnel's workload list", { check: "enrolment", hbone: ["appa", "appb", "stranger"], plain: ["outsider"] }),
  ],
};

/** Row 6: mutual TLS between the proxies. */
export const hbone: Experiment = {
  id: "hbone",
  title: "Both legs of a request carry identities over HBONE",
  question: "Do appa and the waypoint, and the waypoint and appb, authenticate each other by certificate?",
  why: "ztunnel logs the identities of a connection only when mutual TLS proved them. The second leg is pooled: its line comes when the pooled connection closes, one line for many requests.",
  rows: [6, 10],
  objects: [...meshPath, ...policies],
  steps: (settings) => {
    const method = usualMethod(settings);
    return [
      check("appa → waypoint → appb", {
        check: "hbone",
        sample: { from: "appa", method, path: pathFor(method), count: 1 },
      }),
    ];
  },
};

/** Row 6: the certificates of the identities. */
export const certificates: Experiment = {
  id: "certificates",
  title: "ztunnel holds valid certificates for every application",
  question: "Does the ztunnel on the node of each application hold an available, unexpired certificate for it?",
  why: "A ztunnel holds the keys of the workloads on its own node only, and renews them with istiod; a certificate that is not Available means that istiod does not sign.",
  rows: [6],
  objects: ["Namespace/default", "DaemonSet/ztunnel", "Deployment/istiod", "Deployment/appb"],
  steps: () => [
    check("certificates of the applications", { check: "certificates", accounts: ["appa", "appb", "stranger"] }),
  ],
};
