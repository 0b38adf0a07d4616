import { moduleExperiments } from "../modules/experiments";
import type { TourStop } from "./types";

/** A stop of the tour, and the id of the experiment that proves it. Question and reason come from the experiment. */
export interface TourStep extends TourStop {
  proof: string;
}

/** Stops of the modules, in the order of the experiments. */
const moduleStops = moduleExperiments.flatMap(({ id, module, tour }): TourStep[] =>
  tour && module ? [{ ...tour, proof: id, change: { modules: [module], ...tour.change } }] : [],
);

/** The lab's story, stop by stop. */
export const tour: readonly TourStep[] = [
  { id: "identity", title: "Every leg of a request carries an identity", proof: "hbone" },
  {
    id: "way-in",
    title: "The gateway routes requests by host",
    proof: "gateway",
    watch: "traffic --path /get --for 5s",
  },
  { id: "waypoint", title: "All of appb's traffic goes through the waypoint", proof: "waypoint-traversed" },
  {
    id: "fault",
    title: "Half of the requests to one path are delayed",
    proof: "fault-delay",
    watch: "traffic --for 15s",
  },
  {
    id: "fault-share",
    title: "Delay ten percent instead of half",
    proof: "fault-delay",
    change: { faultPercent: 10 },
    watch: "traffic --rate 10 --for 15s",
  },
  {
    id: "methods",
    title: "Only GET is allowed",
    proof: "authz-methods",
    watch: "traffic --method POST --path /post --for 5s",
  },
  {
    id: "caller",
    title: "Remove appa from the policy",
    proof: "authz-principals",
    change: { allowedCallers: ["gateway"] },
  },
  { id: "bypass", title: "No request bypasses the waypoint", proof: "bypass" },
  {
    id: "open-door",
    title: "Allow requests that bypass the waypoint",
    proof: "bypass",
    change: { closeBypass: false },
  },
  ...moduleStops,
  { id: "graph", title: "The mesh as a graph", proof: "kiali", watch: "open kiali" },
];
