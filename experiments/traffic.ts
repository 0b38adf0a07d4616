import type { LabSettings } from "../config/schema";
import type { Method } from "../config/vocabulary";
import { check, condition, configGate, rollouts } from "./checks";
import { gatewayPath, meshPath, policies } from "./objects";
import { allowedClients, controlPath, forbiddenMethod, nameOf, pathFor, request, usualMethod } from "./requests";
import type { Client } from "./slices";
import type { Check, Experiment } from "./types";

/** Row 9: the ingress gateway. */
export const gateway: Experiment = {
  id: "gateway",
  title: "The gateway routes its own host, and no other",
  question: "Does the gateway route appb's host to appb, and refuse a host without a route?",
  why: "Programmed says that the configuration was sent, not that a proxy runs: only an answer proves it. The 404 for another host must come from the gateway itself, with 'route_not_found' in its log.",
  rows: [9],
  objects: [...gatewayPath, ...meshPath, ...policies, "VirtualService/appb-fault"],
  steps: (settings) => [
    rollouts("rollout of the gateway", "Deployment/gateway-istio"),
    condition("Gateway gateway is Programmed", "Gateway/gateway", "Programmed"),
    condition("HTTPRoute appb is Accepted", "HTTPRoute/appb", "Accepted"),
    request(settings, "host", usualMethod(settings)),
    {
      ...{ kind: "probe", name: "another host has no route", from: "host", to: "gateway", method: "GET", path: "/get" },
      host: `other.${settings.domain}`,
      expect: { outcome: "refused", by: "gateway", status: 404 },
    },
  ],
};

/** Row 10: the gateway uses the waypoint. */
export const ingressThroughWaypoint: Experiment = {
  id: "ingress-through-waypoint",
  title: "Traffic of the gateway goes through the waypoint",
  question: "Does the gateway send appb's requests to the waypoint instead of straight to the pod?",
  why: "use-waypoint alone applies to callers inside the mesh; a gateway bypasses the waypoint unless the Service has the label ingress-use-waypoint. Then its endpoint for appb is the waypoint's port 15008.",
  rows: [10],
  objects: [...meshPath, ...gatewayPath, ...policies, "VirtualService/appb-fault"],
  steps: (settings) => [
    rollouts("rollout of the waypoint", "Deployment/waypoint"),
    condition(
      "Service appb is bound, ingress included",
      "Service/appb",
      "istio.io/WaypointBound",
      "Ingress traffic will traverse the waypoint",
    ),
    check("the gateway's endpoint for appb is the waypoint", {
      check: "proxy-config",
      of: "gateway",
      parts: ["routes", "endpoints"],
    }),
    request(settings, "host", usualMethod(settings)),
  ],
};

/** Requests of each sample that is counted. */
const countedRequests = 10;

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
    check("ztunnel sends appb's callers to the waypoint", { check: "waypoint-attached" }),
    ...counted(settings, "appa"),
    ...counted(settings, "host"),
  ],
};

function counted(settings: LabSettings, from: Client): Check[] {
  const method = usualMethod(settings);
  const allowed = settings.allowedCallers.includes(from === "host" ? "gateway" : "appa");
  const forbidden = forbiddenMethod(settings);
  const sent = (method: Method, denied: boolean): Check => {
    const path = controlPath(settings, method) ?? pathFor(method);
    const sample = { from, method, path, count: countedRequests };
    return check(`${countedRequests} × ${method} from ${nameOf(from)}`, { check: "counted", sample, denied });
  };
  return [sent(method, !allowed), ...(forbidden ? [sent(forbidden, true)] : [])];
}

/** Row 11: the configuration of the proxies. */
export const proxyConfig: Experiment = {
  id: "proxy-config",
  title: "The proxies' configuration agrees with the stack",
  question: "Which listeners, filters, routes and endpoints do waypoint and gateway have, and in which order?",
  why: "The order of the HTTP filters decides: rbac comes before fault, so that a refused request is never delayed.",
  rows: [11],
  objects: [...meshPath, ...gatewayPath, ...policies, "VirtualService/appb-fault", "Deployment/istiod"],
  steps: () => [
    check("filters, rules, routes and endpoints of appb at the waypoint", { check: "proxy-config", of: "appb" }),
    check("Services, filters and endpoints of the waypoint", { check: "proxy-config", of: "waypoint" }),
    check("filters, rules, routes and endpoints of the gateway", { check: "proxy-config", of: "gateway" }),
    check("no object of others decides about the lab's traffic", { check: "no-others" }),
  ],
};

/** Requests of the control sample. */
const controlSize = 60;
/** Probability that a healthy lab fails, over all samples of one run. */
const falseAlarmOfRun = 1e-3;

/** Row 12: a fault that is injected for a share of the requests. */
export const faultDelay: Experiment = {
  id: "fault-delay",
  title: "The waypoint delays the configured share of requests, and nothing else",
  question: "Is the share of delayed requests what the stack configures, and is the rest never slow?",
  why: "Envoy chooses for each request by itself, so that the number of delayed requests is binomial. Requests are sent in batches until the result distinguishes the configured share from shares ten percentage points off. The flag DI in the access log marks a request that the waypoint delayed.",
  rows: [12],
  objects: [...meshPath, "VirtualService/appb-fault", ...policies, ...gatewayPath],
  skip: ({ settings }) =>
    !settings.faultEnabled
      ? "faultEnabled is false"
      : allowedClients(settings).length === 0
        ? "allowedCallers is empty: a refused request is never delayed"
        : undefined,
  steps: (settings) => [
    configGate("fault at the waypoint", "appb", "routes"),
    ...sources(settings).flatMap((from, _index, all) => samples(settings, from, falseAlarmOfRun / all.length)),
  ],
};

/** One caller inside the mesh, and the gateway, as far as the policy allows them. */
function sources(settings: LabSettings): Client[] {
  const clients = allowedClients(settings);
  const inMesh = clients.find((client) => client !== "host");
  return [...(inMesh ? [inMesh] : []), ...clients.filter((client) => client === "host")];
}

function samples(settings: LabSettings, from: Client, falseAlarm: number): Check[] {
  const method = usualMethod(settings);
  const { faultPercent: percent, faultPath, faultDelay: delay } = settings;
  const control = controlPath(settings, method);
  const sample = { from, method, path: control ?? "", count: controlSize };
  return [
    check(`${percent} % of ${faultPath} from ${nameOf(from)} take ${delay} longer`, {
      ...{ check: "share", requests: { from, method, path: faultPath }, percent, delay, falseAlarm },
    }),
    ...(control
      ? [check(`${control} from ${nameOf(from)} is never slow`, { check: "never-slow", sample, delay })]
      : []),
  ];
}
