import type { Experiment } from "./types";

/** Row 4: the API of gateway and waypoint. */
export const gatewayApi: Experiment = {
  id: "gateway-api",
  title: "The Gateway API is the pinned bundle, and Istio accepted its classes",
  question: "Are the Gateway API's definitions of the pinned version and channel, and did Istio accept its classes?",
  why: "Istio reads the bundle-version annotation and silently leaves out features that an older bundle lacks.",
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
