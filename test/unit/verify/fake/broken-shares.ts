import { type BrokenWorld, behaves, edit } from "./breaks";

const waypoint = { layer: "waypoint" };
const fault = "VirtualService/default/appb-fault";
const route = "HTTPRoute/default/appb-split";

/** The configured percentage, and the percentage that the proxy applies despite its configuration. */
const faults = [
  ...([
    [50, 40],
    [50, 60],
    [3, 0],
    [97, 100],
    [1, 11],
  ] as const),
];
const splits = [
  ...([
    [50, 40],
    [3, 0],
    [97, 100],
  ] as const),
];

/** Changes with which a proxy delays or forwards another share than configured. */
export const brokenShares: BrokenWorld[] = [
  ...faults.map(
    ([percent, real]): BrokenWorld => ({
      name: `${real} % delayed, configured ${percent} %`,
      settings: { faultPercent: percent },
      breaks: behaves(fault, ["spec", "http", 0, "fault", "delay", "percentage", "value"], real),
      detectedBy: { "fault-delay": waypoint },
    }),
  ),
  ...splits.map(
    ([percent, real]): BrokenWorld => ({
      name: `${real} % at appb-v2, configured ${percent} %`,
      settings: { modules: ["traffic-split"], splitWeight: percent },
      breaks: (state) => {
        state.dumped.set(route, structuredClone(state.get(route)));
        edit(route, ["spec", "rules", 2, "backendRefs", 0, "weight"], 100 - real)(state);
        edit(route, ["spec", "rules", 2, "backendRefs", 1, "weight"], real)(state);
      },
      detectedBy: { "traffic-split": waypoint },
    }),
  ),
];
