import { methods } from "../config/vocabulary";
import { gatewayPath, meshPath, policies } from "./objects";
import { allowedClients, request, rulesGate } from "./requests";
import type { Client } from "./slices";
import type { Experiment } from "./types";

/** Row 13: the allowed methods. */
export const authzMethods: Experiment = {
  id: "authz-methods",
  title: "The waypoint lets the allowed methods through, and no other",
  question: "Does the waypoint refuse every HTTP method that the policy does not name?",
  why: "One ALLOW policy on a Service denies everything else by default. A method is part of HTTP, so that only the waypoint can evaluate it; HEAD is a method of its own.",
  rows: [13],
  objects: [...meshPath, ...policies, ...gatewayPath, "VirtualService/appb-fault"],
  steps: (settings) => {
    const allowed = allowedClients(settings);
    const clients: Client[] = allowed.length > 0 ? allowed.slice(0, 2) : ["appa", "host"];
    return [
      rulesGate("appb"),
      ...clients.flatMap((client) => methods.map((method) => request(settings, client, method))),
    ];
  },
};
