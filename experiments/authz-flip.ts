import { gatewayPath, meshPath, policies } from "./objects";
import type { Experiment } from "./types";

/** Row 14: a change of one word in one policy. */
export const authzFlip: Experiment = {
  id: "authz-flip",
  title: "Without appa in the policy appa is refused, and the gateway is not",
  question: "Does taking appa out of the policy shut out appa alone, and putting it back let it in again?",
  why: "The policy is changed in place for a few seconds, its original kept in an annotation of the policy itself, so that an interrupted run is mended by the next one. Pulumi's ownership of the fields is put back with it.",
  rows: [14],
  objects: [...meshPath, ...policies, ...gatewayPath, "Deployment/istiod", "VirtualService/appb-fault"],
  alone: true,
  skip: ({ settings }) =>
    settings.allowedCallers.includes("appa")
      ? undefined
      : "allowedCallers does not name appa, there is nothing to take out",
  steps: () => [{ kind: "check", name: "out, refused, back, answered", check: "flip" }],
};
