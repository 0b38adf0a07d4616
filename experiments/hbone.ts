import { meshPath, policies } from "./objects";
import { pathFor, usualMethod } from "./requests";
import type { Experiment } from "./types";

/** Row 6: mutual TLS between the proxies. */
export const hbone: Experiment = {
  id: "hbone",
  title: "Both legs of a request carry identities over HBONE",
  question: "Do appa and the waypoint, and the waypoint and appb, know each other by certificate?",
  why: "ztunnel logs the identities of a connection only when mutual TLS proved them. The second leg is pooled: its line comes when the pooled connection closes, one line for many requests.",
  rows: [6, 10],
  objects: [...meshPath, ...policies],
  steps: (settings) => {
    const method = usualMethod(settings);
    return [
      {
        kind: "check",
        name: "appa → waypoint → appb",
        check: "hbone",
        sample: { from: "appa", method, path: pathFor(method), count: 1 },
      },
    ];
  },
};
