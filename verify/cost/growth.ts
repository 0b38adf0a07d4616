import { appNamespace } from "../../config/vocabulary";
import { growing, numbers, scaled } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import { listAt, textAt } from "../json";
import type { KubeObject } from "../lab-client";
import { proxyContainer } from "../pods";
import { unobservable } from "../precondition-error";
import { change } from "../restore/change";
import type { CostGrowth } from "./schema";
import type { CostSetup } from "./setup";
import { quantile, sum } from "./statistics";
import { meteredIn } from "./usage";

/** Deadline for the pods of a step to become ready, in milliseconds for each pod. */
const readyMs = 12_000;

/**
 * Scales both Deployments up step by step, and reads the memory of the sidecars, and of ztunnel and waypoint.
 * @throws DeadlineError when the pods of a step do not become ready
 */
export async function growthOf(context: VerifyContext, setup: CostSetup): Promise<CostGrowth[]> {
  const { clock, signal } = context;
  const steps: CostGrowth[] = [];
  for (const pods of numbers.growth.pods) {
    for (const object of scaled)
      await change(context.lab, { object, field: ["spec", "replicas"], to: () => pods }, signal);
    await readyPods(context, growing.ambient, pods);
    const withSidecar = await readyPods(context, growing.sidecar, pods);
    await clock.sleep(numbers.growth.settleMs, signal);
    const sidecars = withSidecar.map((pod) => meteredIn(pod, proxyContainer));
    const { of } = await setup.meter.read([...sidecars, ...setup.shared]);
    const bytes = (names: readonly { pod: string }[]) => names.map(({ pod }) => of.get(pod)?.memoryBytes ?? 0);
    const each = bytes(sidecars);
    steps.push({
      pods,
      sidecarBytes: sum(each),
      ambientBytes: sum(bytes(setup.shared)),
      perSidecar: { median: quantile(each, 0.5), low: Math.min(...each), high: Math.max(...each) },
    });
  }
  return steps;
}

/** @throws PreconditionError when the node of the servers has less memory available than the pods of the largest step need */
export async function requireMemory({ meter, machine }: CostSetup): Promise<void> {
  const available = await meter.availableOn(machine.node);
  if (available >= numbers.freeBytes) return;
  const gib = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  const message = `${gib(available)} of memory are available on ${machine.node}, and ${gib(numbers.freeBytes)} are needed for ${numbers.growth.pods.at(-1)} pods with sidecars: end other programs, or give Docker more memory`;
  throw unobservable("nodes", message);
}

async function readyPods({ lab, signal, clock }: VerifyContext, app: string, count: number): Promise<KubeObject[]> {
  const look = async (limit: AbortSignal) => {
    const all = await lab.list({ apiVersion: "v1", kind: "Pod", namespace: appNamespace, labels: { app } }, limit);
    const ready = all.filter((pod) =>
      listAt(pod, "status", "conditions").some(
        (each) => textAt(each, "type") === "Ready" && textAt(each, "status") === "True",
      ),
    );
    if (ready.length !== count || all.length !== count) throw new Error(`${ready.length} of ${count} are ready`);
    return ready;
  };
  const waiting = { what: `${count} pods of ${app}`, deadlineMs: 30_000 + count * readyMs, intervalMs: 500 };
  return eventually(look, { ...waiting, signal, clock });
}

/**
 * Smallest number of pods at which sidecars use more memory than ztunnel and waypoint, interpolated linearly between the steps.
 * Undefined when sidecars use less memory in all steps.
 */
export function crossingOf(steps: readonly CostGrowth[]): number | undefined {
  const over = ({ sidecarBytes, ambientBytes }: CostGrowth) => sidecarBytes - ambientBytes;
  const index = steps.findIndex((step) => over(step) > 0);
  const [below, above] = [steps[index - 1], steps[index]];
  if (!above) return undefined;
  if (!below) return above.pods;
  const share = -over(below) / (over(above) - over(below));
  return Math.floor(below.pods + share * (above.pods - below.pods)) + 1;
}
