import type { Experiment } from "./types";

/** Rows 7 and 16: the mesh as a graph. */
export const kiali: Experiment = {
  id: "kiali",
  title: "Kiali's graph has edges to appb",
  question: "Does Kiali show the demo's traffic as a graph that leads to appb?",
  why: "Kiali shows what Prometheus scraped in the requested time window; ambient traffic is in the graph only on request.",
  rows: [7, 16],
  objects: ["Service/kiali", "Service/prometheus"],
  skip: ({ settings }) => (settings.addons.includes("kiali") ? undefined : "addons does not name kiali"),
  steps: () => [{ kind: "check", name: "edges of the graph", check: "kiali", edgeTo: "appb" }],
};
