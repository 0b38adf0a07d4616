import { type BrokenWorld, edit, remove } from "./breaks";

const waypoint = { layer: "waypoint" };
const ztunnel = { layer: "ztunnel" };

/** The worlds in which the verifier must not pass a lab with modules. */
export const brokenModules: BrokenWorld[] = [
  {
    name: "fail-open: the policy to take away is not there",
    settings: { modules: ["fail-open"] },
    breaks: remove("AuthorizationPolicy/default/appb-waypoint-only"),
    noticed: { "fail-open": ztunnel },
    drift: "AuthorizationPolicy/appb-waypoint-only does not exist",
  },
  {
    name: "fail-open: the waypoint is away already",
    settings: { modules: ["fail-open"] },
    breaks: edit("Service/default/appb", ["metadata", "labels", "istio.io/use-waypoint"], undefined),
    noticed: { "fail-open": waypoint },
    drift: "label istio.io/use-waypoint is absent",
  },
  {
    name: "fail-open: nobody tells ztunnel of the change",
    settings: { modules: ["fail-open"] },
    breaks: (state) => state.stopIstiod(),
    noticed: { "fail-open": { layer: "istiod" } },
  },
  {
    name: "fail-open: the outsider is in the mesh's blind spot, for nobody writes logs",
    settings: { modules: ["fail-open"] },
    breaks: (state) => {
      state.logsBroken = true;
    },
    noticed: { "fail-open": { layer: "waypoint", verdict: "inconclusive" } },
  },
];
