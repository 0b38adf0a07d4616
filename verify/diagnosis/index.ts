import { objects, objectsOf } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import type { DeclaredObject, LabFacts } from "../../experiments/types";
import { messageOf, ofStack } from "../../host/errors";
import { kubectlOf } from "../../host/paths";
import type { VerifyContext } from "../context";
import { eventually } from "../eventually";
import { textAt } from "../json";
import type { Cause } from "../report/schema";
import { isDead, isOurs, writerOf } from "../restore/change";
import { driftOf, type Inventory } from "./drift";
import { ailmentsOf } from "./health";
import { isTolerated } from "./other";
import { othersOf } from "./others";

/** What was found out about the state of a lab's objects. */
export interface Diagnosis {
  /** What differs from the stack or is not well: possible causes of what the experiments meet. */
  causes: readonly Cause[];
  /** Objects of others that the lab leaves alone, a text each. */
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
  // What another run has changed for a few seconds is its own to put back, and no drift.
  const isHeld = ({ object }: Cause): boolean => {
    const by = writerOf(inventory[object as LabObject] ?? {});
    return by !== undefined && !isOurs(by) && !isDead(by);
  };
  const since = textAt(inventory["Gateway/gateway"], "metadata", "creationTimestamp");
  const left = others.found.filter((other) => isTolerated(other, facts, since));
  return {
    causes: [
      ...ailmentsOf(facts, inventory),
      ...driftOf(facts, inventory, live).filter((cause) => !isHeld(cause)),
      ...others.found.filter((other) => !left.includes(other)).map(({ cause }) => cause),
      ...(others.unlisted.length > 0 ? [missingRight(facts, others.unlisted)] : []),
    ].map((cause) => ofStack(cause, facts.stack)),
    tolerated: left.map(
      ({ cause }) => `${cause.what}; it was there before the lab, and decides nothing: it is left alone`,
    ),
  };
}

/** Without the right to list objects in all namespaces those of others are not seen. */
function missingRight(facts: LabFacts, resources: readonly string[]): Cause {
  const [first] = resources;
  return {
    ...{ kind: "health", layer: "api-server", object: "the login" },
    what: `the login of context "${facts.context}" may not list ${resources.join(", ")} in all namespaces: objects of others are not seen`,
    fix: `${kubectlOf(facts)} auth can-i list ${first} --all-namespaces   (must say "yes", for each of them)`,
  };
}

const refOf = ({ apiVersion, kind, metadata: { name, namespace } }: DeclaredObject) => ({
  ...{ apiVersion, kind, name },
  ...(namespace ? { namespace } : {}),
});

/** The state of a cluster that may be out of reach for a moment; that it is out of reach is a cause, too. */
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
 * The causes that can explain a failure of an experiment: those about the objects it names, in its own order, and then objects of others
 * that act at the layer which failed.
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
