import { objects } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import { type ClusterAddress, kubectlOf } from "../../host/paths";
import { rolloutProblem } from "../checks/rollout";
import type { Cause } from "../report/schema";
import type { Inventory } from "./drift";

/** Workloads of the lab that are there and not well. */
export function ailmentsOf(lab: ClusterAddress, inventory: Inventory): Cause[] {
  return (Object.keys(objects) as LabObject[]).flatMap((object) => {
    const { kind, layer, namespace, name, idle } = { namespace: "", ...objects[object] };
    const found = inventory[object];
    if (!found || idle || (kind !== "Deployment" && kind !== "DaemonSet")) return [];
    const problem = rolloutProblem(found);
    if (!problem) return [];
    const fix = `${kubectlOf(lab)} -n ${namespace} rollout status ${kind.toLowerCase()}/${name}`;
    return [{ kind: "health", layer, object, what: `${object} ${problem}`, fix }];
  });
}
