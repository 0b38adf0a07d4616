import type { Experiment } from "./types";

/** Row 7: dashboards of the mesh. */
export const grafana: Experiment = {
  id: "grafana",
  title: "Grafana is healthy and queries Prometheus",
  question: "Is Grafana up, with Prometheus as its source and a dashboard for ztunnel?",
  why: "A dashboard without its data source shows empty graphs, which look like a mesh without traffic.",
  rows: [7],
  objects: ["Service/grafana", "Service/prometheus"],
  skip: ({ settings }) => (settings.addons.includes("grafana") ? undefined : "addons does not name grafana"),
  steps: () => [{ kind: "check", name: "health, source and dashboards", check: "grafana", dashboard: "ztunnel" }],
};
