import type { Experiment } from "./types";

/** Row 4: the API in which gateway and waypoint are written. */
export const gatewayApi: Experiment = {
  id: "gateway-api",
  title: "The Gateway API is the pinned bundle, and Istio took its classes",
  question: "Are the Gateway API's definitions of the pinned version and channel, and did Istio accept its classes?",
  why: "Istio reads the bundle-version annotation and leaves out what an older bundle lacks, in silence.",
  rows: [4],
  objects: ["Deployment/istiod"],
  steps: () => [
    {
      kind: "check",
      name: "bundle version, channel and classes",
      check: "bundle",
      channel: "standard",
      classes: ["istio", "istio-waypoint"],
    },
  ],
};
