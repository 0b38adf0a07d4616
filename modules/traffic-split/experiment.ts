import { check, configGate, podGate, rollouts } from "../../experiments/checks";
import { meshPath, policies } from "../../experiments/objects";
import { inMeshClient, serviceProbes, usualMethod } from "../../experiments/requests";
import type { Experiment, Sample } from "../../experiments/types";
import { canary, mirroredPath } from "./objects";

const controlSize = 20;
/** Probability that a healthy lab fails. */
const falseAlarm = 1e-3;

/** Two versions of appb behind one Service. */
export const trafficSplit: Experiment = {
  id: "traffic-split",
  module: "traffic-split",
  tour: {
    id: "canary",
    title: "A second version of appb: by weight, by header, and as a mirror",
    change: { splitWeight: 30 },
  },
  title: "The waypoint splits requests by weight and by header, and mirrors a path",
  question:
    "Does the second version of appb get its configured share, all requests with the header, and a copy of each request to the mirrored path?",
  why: "Envoy chooses for each request by itself, so that the number of requests is binomial. They are sent in batches until the result distinguishes the weight from weights ten percentage points off. The waypoint's log names the selected cluster, and the log of the version has the request: two sources for each number. The first version answers a mirrored request; the copy is only in the log of the second version.",
  rows: [],
  objects: [
    ...meshPath.filter((object) => object !== "Service/appb"),
    "Deployment/appb-v2",
    "Service/appb-split",
    "HTTPRoute/appb-split",
    "AuthorizationPolicy/appb-split-l7",
    "AuthorizationPolicy/appb-v2-waypoint-only",
    ...policies.filter((policy) => policy !== "AuthorizationPolicy/appb-l7"),
  ],
  skip: ({ settings }) => (inMeshClient(settings) ? undefined : "allowedCallers names no caller inside the mesh"),
  steps: (settings) => {
    const client = inMeshClient(settings) ?? "appa";
    const method = usualMethod(settings);
    const requests = (path: string) => ({ from: client, method, path, service: "appb-split" }) as const;
    const sample = (path: string): Sample => ({ ...requests(path), count: controlSize });
    const { name, value } = canary;
    return [
      rollouts("rollout of appb-v2", "Deployment/appb-v2"),
      podGate("appb-v2"),
      configGate("rules and routes of appb-split at the waypoint", "appb-split"),
      ...serviceProbes(settings, "appb-split", "AuthorizationPolicy/appb-split-l7"),
      check(`${settings.splitWeight} % of the requests go to appb-v2`, {
        check: "split",
        requests: requests("/anything/any"),
        percent: settings.splitWeight,
        falseAlarm,
      }),
      check(`requests with ${name}: ${value} go to appb-v2 alone`, {
        check: "split",
        requests: { ...requests("/anything/canary"), headers: { [name]: value } },
        percent: 100,
        falseAlarm,
      }),
      check(`${mirroredPath} is answered by appb-v1, and copied to appb-v2`, {
        check: "mirrored",
        sample: sample(mirroredPath),
        copied: true,
      }),
      check("another path is not copied", { check: "mirrored", sample: sample("/anything/unmirrored"), copied: false }),
    ];
  },
};
