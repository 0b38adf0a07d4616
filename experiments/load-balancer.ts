import type { Experiment } from "./types";

/** Row 3: the gateway's address. */
export const loadBalancer: Experiment = {
  id: "load-balancer",
  title: "The gateway has an address of the lab's pool",
  question: "Did the load balancer give the gateway an address of the lab's own pool?",
  why: "An address outside the pool would mean that another load balancer answered; without an L2Advertisement no host on the network would learn the address.",
  rows: [3],
  objects: ["IPAddressPool/lab", "L2Advertisement/lab", "Gateway/gateway"],
  steps: () => [
    {
      kind: "check",
      name: "gateway-istio has an address of the pool",
      check: "address",
      pool: "IPAddressPool/lab",
      advertisement: "L2Advertisement/lab",
    },
  ],
};
