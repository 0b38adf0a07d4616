import { gatewayPath, meshPath, policies } from "./objects";
import type { Experiment } from "./types";

/** Row 14: the effect of a change of the policy. */
export const authzFlip: Experiment = {
  id: "authz-flip",
  title: "Without appa in the policy appa is refused, and the gateway is not",
  question: "Does a policy without appa refuse appa alone, and the restored policy let it in again?",
  why: "The policy is changed in place for a few seconds, with its original in an annotation of the policy itself, so that the next run restores what an interrupted run left. Pulumi's ownership of the fields is restored as well.",
  rows: [14],
  objects: [...meshPath, ...policies, ...gatewayPath, "Deployment/istiod", "VirtualService/appb-fault"],
  alone: true,
  skip: ({ settings }) =>
    settings.allowedCallers.includes("appa")
      ? undefined
      : "allowedCallers does not name appa, there is nothing to take out",
  steps: () => [{ kind: "check", name: "out, refused, back, answered", check: "flip" }],
};
