import type { Experiment } from "./types";

/** Row 8: the applications that talk. */
export const apps: Experiment = {
  id: "apps",
  title: "appa, appb, stranger and outsider run",
  question: "Are all applications of the demo rolled out, and from which image?",
  why: "A request that nobody can send, or nobody can answer, proves nothing about a policy.",
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
