import { nodeSysctls } from "../config/vocabulary";
import { check, rollouts } from "./checks";
import type { LabObject } from "./slices";
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
    check("every node is Ready", { check: "nodes" }),
    check("the nodes' clocks agree with this machine", { check: "clock", toleranceSeconds: 60 }),
  ],
};

/** Row 2: kernel limits that a mesh on one machine runs into. */
export const sysctls: Experiment = {
  id: "sysctls",
  title: "Every node has sufficient inotify limits",
  question: "Are the kernel's inotify limits on every node at least what the lab sets?",
  why: "All nodes of a kind cluster share one kernel and one user: kubelets, istio-cni and the proxies share its inotify instances and watches, and fail with 'too many open files' when the limit is reached.",
  rows: [2],
  objects: [],
  skip: (facts) => (facts.cluster === "kind" ? undefined : "the lab does not own the nodes of an existing cluster"),
  steps: () => [check("inotify limits on every node", { check: "sysctls", atLeast: nodeSysctls })],
};

/** Row 3: the gateway's address. */
export const loadBalancer: Experiment = {
  id: "load-balancer",
  title: "The gateway has an address of the lab's pool",
  question: "Did the load balancer give the gateway an address of the lab's own pool?",
  why: "An address outside the pool would mean that another load balancer answered; without an L2Advertisement no host on the network would learn the address.",
  rows: [3],
  objects: ["IPAddressPool/lab", "L2Advertisement/lab", "Gateway/gateway"],
  steps: () => [
    check("gateway-istio has an address of the pool", {
      check: "address",
      pool: "IPAddressPool/lab",
      advertisement: "L2Advertisement/lab",
    }),
  ],
};

/** Row 4: the API of gateway and waypoint. */
export const gatewayApi: Experiment = {
  id: "gateway-api",
  title: "The Gateway API is the pinned bundle, and Istio accepted its classes",
  question: "Are the Gateway API's definitions of the pinned version and channel, and did Istio accept its classes?",
  why: "Istio reads the bundle-version annotation and silently leaves out features that an older bundle lacks.",
  rows: [4],
  objects: ["Deployment/istiod"],
  steps: () => [
    check("bundle version, channel and classes", {
      check: "bundle",
      channel: "standard",
      classes: ["istio", "istio-waypoint"],
    }),
  ],
};

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
    rollouts("rollouts of the mesh", ...mesh),
    check("version of the mesh", {
      check: "istio-version",
      objects: [...mesh, "Deployment/gateway-istio", "Deployment/waypoint"],
    }),
  ],
};

const applications = [
  ...(["Deployment/appa", "Deployment/appb", "Deployment/stranger", "Deployment/outsider"] as const),
] satisfies LabObject[];

/** Row 8: the applications. */
export const apps: Experiment = {
  id: "apps",
  title: "appa, appb, stranger and outsider run",
  question: "Are all applications of the demo rolled out, and from which image?",
  why: "Without a client that sends, or an application that answers, a request proves nothing about a policy.",
  rows: [8],
  objects: applications,
  steps: () => [rollouts("rollouts of the applications", ...applications)],
};
