import type { Experiment } from "./types";

/** Rows 7 and 16: the mesh as a graph. */
export const kiali: Experiment = {
  id: "kiali",
  title: "Kiali's graph has edges to appb",
  question: "Does Kiali draw the demo's traffic as a graph that leads to appb?",
  why: "Kiali draws what Prometheus scraped in the window it is asked for; ambient traffic is in it only when it is asked for.",
  rows: [7, 16],
  objects: ["Service/kiali", "Service/prometheus"],
  skip: ({ settings }) => (settings.addons.includes("kiali") ? undefined : "addons does not name kiali"),
  steps: () => [{ kind: "check", name: "edges of the graph", check: "kiali", edgeTo: "appb" }],
};
