import { type BrokenWorld, edit } from "./breaks";

const settings = { modules: ["chaos"] } as const;
const stuck = (who: string, layer: string): BrokenWorld => ({
  name: `chaos: ${who} does not recover`,
  settings,
  breaks: (state) => void state.chaos.stuck.add(who),
  detectedBy: { chaos: { layer } },
});

/** Changes with which the module chaos must not pass. */
export const brokenChaos: BrokenWorld[] = [
  stuck("istiod", "istiod"),
  stuck("ztunnel", "ztunnel"),
  // The waypoint's pods have no label app.
  stuck("waypoint", "waypoint"),
  stuck("node", "nodes"),
  {
    name: "chaos: kills have no effect",
    settings,
    breaks: (state) => {
      state.chaos.withoutEffect = true;
    },
    detectedBy: { chaos: { layer: "istiod" } },
  },
  {
    name: "chaos: the load is refused from the start",
    settings,
    breaks: edit("AuthorizationPolicy/default/appb-l7", ["spec", "rules"], []),
    detectedBy: { chaos: { layer: "waypoint", verdict: "inconclusive" } },
    drift: "AuthorizationPolicy/appb-l7",
  },
  {
    name: "chaos: no load is sent",
    settings,
    breaks: (state) => state.scale("default/loadgen"),
    detectedBy: { chaos: { layer: "app" } },
  },
];
