import type { LabSettings } from "../config/schema";
import type { Method } from "../config/vocabulary";
import { gatewayPath, meshPath, policies } from "./objects";
import { controlPath, forbiddenMethod, pathFor, usualMethod } from "./requests";
import type { Client } from "./slices";
import type { Check, Experiment } from "./types";

const count = 10;

/** Row 10: every request goes through the waypoint. */
export const waypointTraversed: Experiment = {
  id: "waypoint-traversed",
  title: "The waypoint counts every request exactly once",
  question: "Do the waypoint's log and counters grow by exactly N for N requests, from appa and through the gateway?",
  why: "A single request cannot show that a share of the requests takes another way. Requests are counted by their ids in the access log, and once more by Envoy itself.",
  rows: [10],
  objects: [...meshPath, ...gatewayPath, ...policies, "VirtualService/appb-fault"],
  alone: true,
  steps: (settings) => [
    { kind: "check", name: "ztunnel sends appb's callers to the waypoint", check: "waypoint-attached" },
    ...counted(settings, "appa"),
    ...counted(settings, "host"),
  ],
};

function counted(settings: LabSettings, from: Client): Check[] {
  const method = usualMethod(settings);
  const who = from === "host" ? "the gateway" : from;
  const allowed = settings.allowedCallers.includes(from === "host" ? "gateway" : "appa");
  const forbidden = forbiddenMethod(settings);
  const check = (method: Method, denied: boolean): Check => ({
    kind: "check",
    name: `${count} × ${method} from ${who}`,
    check: "counted",
    sample: { from, method, path: controlPath(settings, method) ?? pathFor(method), count },
    denied,
  });
  return forbidden ? [check(method, !allowed), check(forbidden, true)] : [check(method, !allowed)];
}
