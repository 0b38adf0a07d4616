import type { LabSettings } from "../config/schema";
import { gatewayPath, meshPath, policies } from "./objects";
import { allowedClients, controlPath, usualMethod } from "./requests";
import type { Client } from "./slices";
import type { Check, Experiment } from "./types";

const controlSize = 60;
/** Probability that a healthy lab fails, over all samples of one run. */
const falseAlarm = 1e-3;

/** Row 12: a fault that is injected for a share of the requests. */
export const faultDelay: Experiment = {
  id: "fault-delay",
  title: "The waypoint delays the configured share of requests, and nothing else",
  question: "Is the share of delayed requests what the stack configures, and is the rest never slow?",
  why: "Envoy chooses for each request by itself, so that the number of delayed requests is binomial. Requests are sent in batches until the configured share is told from those that are ten points off. The flag DI in the access log says that the waypoint delayed it on purpose.",
  rows: [12],
  objects: [...meshPath, "VirtualService/appb-fault", ...policies, ...gatewayPath],
  skip: ({ settings }) =>
    !settings.faultEnabled
      ? "faultEnabled is false"
      : allowedClients(settings).length === 0
        ? "allowedCallers is empty: a refused request is never delayed"
        : undefined,
  steps: (settings) => [
    { kind: "check", name: "fault at the waypoint", check: "proxy-config", of: "appb", parts: ["routes"], gate: true },
    ...sources(settings).flatMap((from, _index, all) => samples(settings, from, falseAlarm / all.length)),
  ],
};

/** One caller inside the mesh, and the gateway, as far as the policy allows them. */
function sources(settings: LabSettings): Client[] {
  const clients = allowedClients(settings);
  const inMesh = clients.find((client) => client !== "host");
  return [...(inMesh ? [inMesh] : []), ...clients.filter((client) => client === "host")];
}

function samples(settings: LabSettings, from: Client, share: number): Check[] {
  const method = usualMethod(settings);
  const who = from === "host" ? "the gateway" : from;
  const control = controlPath(settings, method);
  const delayed: Check = {
    kind: "check",
    name: `${settings.faultPercent} % of ${settings.faultPath} from ${who} take ${settings.faultDelay} longer`,
    check: "share",
    requests: { from, method, path: settings.faultPath },
    percent: settings.faultPercent,
    delay: settings.faultDelay,
    falseAlarm: share,
  };
  if (!control) return [delayed];
  return [
    delayed,
    {
      kind: "check",
      name: `${control} from ${who} is never slow`,
      check: "never-slow",
      sample: { from, method, path: control, count: controlSize },
      delay: settings.faultDelay,
    },
  ];
}
