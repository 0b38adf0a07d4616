import type { Experiment } from "./types";

/** Row 7: the mesh in curves. */
export const grafana: Experiment = {
  id: "grafana",
  title: "Grafana is healthy and draws from Prometheus",
  question: "Is Grafana up, with Prometheus as its source and a dashboard for ztunnel?",
  why: "A dashboard without its source shows empty curves, which look like a mesh without traffic.",
  rows: [7],
  objects: ["Service/grafana", "Service/prometheus"],
  skip: ({ settings }) => (settings.addons.includes("grafana") ? undefined : "addons does not name grafana"),
  steps: () => [{ kind: "check", name: "health, source and dashboards", check: "grafana", dashboard: "ztunnel" }],
};
