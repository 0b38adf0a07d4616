import type { Experiment } from "./types";

/** Row 8: the applications. */
export const apps: Experiment = {
  id: "apps",
  title: "appa, appb, stranger and outsider run",
  question: "Are all applications of the demo rolled out, and from which image?",
  why: "Without a client that sends, or an application that answers, a request proves nothing about a policy.",
  rows: [8],
  objects: ["Deployment/appa", "Deployment/appb", "Deployment/stranger", "Deployment/outsider"],
  steps: () => [
    {
      kind: "check",
      name: "rollouts of the applications",
      check: "rollouts",
      objects: ["Deployment/appa", "Deployment/appb", "Deployment/stranger", "Deployment/outsider"],
    },
  ],
};
