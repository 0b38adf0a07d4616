import { objects, objectsOf } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import type { DeclaredObject, LabFacts } from "../../experiments/types";
import { messageOf, ofStack } from "../../host/errors";
import { type ClusterAddress, kubectlOf } from "../../host/paths";
import { rolloutProblem } from "../checks/rollout";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import { textAt } from "../json";
import type { Cause } from "../report/schema";
import { isDead, isOurs, writerOf } from "../restore/change";
import { driftOf, type Inventory } from "./drift";
import { isTolerated } from "./other";
import { othersOf } from "./others";

interface Diagnosis {
  /** Drift and health problems: possible causes of failures. */
  causes: readonly Cause[];
  /** Foreign objects that are tolerated, a text each. */
  tolerated: readonly string[];
}

async function diagnose(context: VerifyContext): Promise<Diagnosis> {
  const { lab, facts, signal } = context;
  // Reading Secrets needs a permission that many users lack: only labs with a module that has a Secret read them.
  const here = objectsOf(facts.settings);
  const names = (Object.keys(objects) as LabObject[]).filter(
    (name) => objects[name].kind !== "Secret" || here.includes(name),
  );
  const [found, live, others] = await Promise.all([
    Promise.all(names.map(async (name) => [name, await lab.read(objects[name], signal)] as const)),
    Promise.all(facts.declared.map((object) => lab.read(refOf(object), signal))),
    othersOf(context),
  ]);
  const inventory: Inventory = Object.fromEntries(found.filter(([, object]) => object !== undefined));
  // A temporary change of another run in progress is no drift: that run restores it.
  const isTemporary = ({ object }: Cause): boolean => {
    const by = writerOf(inventory[object as LabObject] ?? {});
    return by !== undefined && !isOurs(by) && !isDead(by);
  };
  const since = textAt(inventory["Gateway/gateway"], "metadata", "creationTimestamp");
  const left = others.found.filter((other) => isTolerated(other, facts, since));
  return {
    causes: [
      ...healthProblemsOf(facts, inventory),
      ...driftOf(facts, inventory, live).filter((cause) => !isTemporary(cause)),
      ...others.found.filter((other) => !left.includes(other)).map(({ cause }) => cause),
      ...(others.unlisted.length > 0 ? [missingRight(facts, others.unlisted)] : []),
    ].map((cause) => ofStack(cause, facts.stack)),
    tolerated: left.map(
      ({ cause }) => `${cause.what}; it is older than the lab and affects no requests: it is left alone`,
    ),
  };
}

/** The cause for a missing permission to list objects in all namespaces. */
function missingRight(facts: LabFacts, resources: readonly string[]): Cause {
  const [first] = resources;
  return {
    ...{ kind: "health", layer: "api-server", object: "the login" },
    what: `the login of context "${facts.context}" may not list ${resources.join(", ")} in all namespaces: foreign objects are not seen`,
    fix: `${kubectlOf(facts)} auth can-i list ${first} --all-namespaces   (must say "yes", for each of them)`,
  };
}

const refOf = ({ apiVersion, kind, metadata: { name, namespace } }: DeclaredObject) => ({
  ...{ apiVersion, kind, name },
  ...(namespace ? { namespace } : {}),
});

/** Reads the state, repeatedly if the cluster cannot be reached; an unreachable cluster is a cause as well. */
export async function diagnosed(context: VerifyContext): Promise<Diagnosis> {
  const { signal, clock, timings } = context;
  const what = "the state of the lab's objects";
  try {
    return await eventually(() => diagnose(context), { what, deadlineMs: timings.convergeMs, signal, clock });
  } catch (error) {
    signal.throwIfAborted();
    const unread = `${what} cannot be read: ${messageOf(error)}`;
    const cause: Cause = {
      kind: "health",
      layer: "api-server",
      object: "the cluster",
      what: unread,
      fix: `npm run lab -- verify --stack ${context.facts.stack}`,
    };
    return { causes: [cause], tolerated: [] };
  }
}

/**
 * The causes that can explain a failure of an experiment: those about its objects, in their order, then foreign objects at the
 * failed layer.
 */
export function causesFor(
  names: readonly LabObject[],
  causes: readonly Cause[],
  layer: Cause["layer"] | undefined,
): Cause[] {
  const own = names.flatMap((name) => causes.filter(({ object }) => object === name));
  return [
    ...own,
    ...causes.filter((cause) => cause.layer === layer && cause.kind === "drift" && !(cause.object in objects)),
  ];
}

/** Workloads of the lab that exist and are not rolled out. */
function healthProblemsOf(lab: ClusterAddress, inventory: Inventory): Cause[] {
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
