import { type BrokenWorld, behaves, edit, remove } from "./breaks";

const settings = { modules: ["traffic-split"] } as const;
const waypoint = { layer: "waypoint" };
const route = "HTTPRoute/default/appb-split";

/** Changes with which a lab with the module traffic-split must not pass. */
export const brokenSplit: BrokenWorld[] = [
  ...[0, 40, 100].map(
    (weight): BrokenWorld => ({
      name: `traffic-split: weight ${weight} instead of 20, by the configuration`,
      settings,
      breaks: edit(route, ["spec", "rules", 2, "backendRefs", 1, "weight"], weight),
      drift: `HTTPRoute/appb-split: spec.rules[2].backendRefs[1].weight is ${weight}, the stack says 20`,
      detectedBy: { "traffic-split": waypoint },
    }),
  ),
  {
    name: "traffic-split: twice the weight, despite the configuration",
    settings,
    breaks: behaves(route, ["spec", "rules", 2, "backendRefs", 1, "weight"], 160),
    detectedBy: { "traffic-split": waypoint },
  },
  {
    name: "traffic-split: the header is ignored, despite the configuration",
    settings,
    breaks: behaves(route, ["spec", "rules", 0, "matches", 0, "headers", 0, "value"], "v3"),
    detectedBy: { "traffic-split": waypoint },
  },
  {
    name: "traffic-split: nothing is mirrored, despite the configuration",
    settings,
    breaks: behaves(route, ["spec", "rules", 1, "filters"], []),
    detectedBy: { "traffic-split": waypoint },
  },
  {
    name: "traffic-split: everything is mirrored, despite the configuration",
    settings,
    breaks: behaves(route, ["spec", "rules", 2, "filters"], [{ requestMirror: { backendRef: { name: "appb-v2" } } }]),
    // The second version logs mirrored requests as well, so its number of lines differs from that of the waypoint.
    detectedBy: { "traffic-split": { layer: "app" } },
  },
  {
    name: "traffic-split: second version down",
    settings,
    breaks: (state) => state.scale("default/appb-v2"),
    detectedBy: { "traffic-split": { layer: "app" } },
  },
  {
    name: "traffic-split: the Service allows every method",
    settings,
    breaks: remove("AuthorizationPolicy/default/appb-split-l7"),
    detectedBy: { "traffic-split": waypoint },
    drift: "AuthorizationPolicy/appb-split-l7 does not exist",
  },
  {
    name: "traffic-split: clients can bypass the waypoint of the second version",
    settings,
    breaks: remove("AuthorizationPolicy/default/appb-v2-waypoint-only"),
    detectedBy: { "traffic-split": { layer: "ztunnel" } },
    drift: "AuthorizationPolicy/appb-v2-waypoint-only does not exist",
  },
];
