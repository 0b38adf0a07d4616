import { objects } from "../../experiments/objects";
import type { LabObject } from "../../experiments/slices";
import { entriesAt, listAt, numberAt, textAt } from "../json";
import type { KubeObject } from "../lab-client";
import { type CheckRun, failed, passed } from "./check";

/**
 * The problem of a rollout, by the rules of `kubectl rollout status`; undefined when all pods are up to date and ready, and no pod of an
 * earlier revision is left.
 */
export function rolloutProblem(object: KubeObject | undefined): string | undefined {
  if (!object) return "does not exist";
  const daemon = object.kind === "DaemonSet";
  const count = (key: string) => numberAt(object, "status", key) ?? 0;
  const wanted = (daemon ? count("desiredNumberScheduled") : numberAt(object, "spec", "replicas")) ?? 0;
  const ready = count(daemon ? "numberReady" : "readyReplicas");
  const updated = count(daemon ? "updatedNumberScheduled" : "updatedReplicas");
  const old = daemon ? 0 : count("replicas") - updated;
  if (wanted === 0) return daemon ? "is scheduled on no node" : "is scaled to 0";
  if (count("observedGeneration") < (numberAt(object, "metadata", "generation") ?? 0))
    return "was changed, and its controller has not observed the change";
  if (ready < wanted) return `has ${ready} of ${wanted} pods ready`;
  if (updated < wanted) return `has ${updated} of ${wanted} pods up to date`;
  return old > 0 ? `has ${old} of its ${count("replicas")} pods left from before` : undefined;
}

/** Verifies that every pod of the workloads is up to date and ready. */
export const rollouts: CheckRun<"rollouts"> = async ({ lab, signal }, { objects: names }) =>
  Promise.all(
    names.map(async (name: LabObject) => {
      const { layer, ...ref } = objects[name];
      const object = await lab.read(ref, signal);
      const problem = rolloutProblem(object);
      const evidence = [{ source: name, lines: [...imagesOf(object), ...statusOf(object)] }];
      if (problem) return failed(name, layer, `${name} ${problem}`, { expected: "all pods ready", evidence });
      return passed(name, layer, `${name} is rolled out`, { evidence });
    }),
  );

/** Verifies that every component of the mesh runs the Istio version of the stack, so that an upgrade includes every proxy. */
export const istioVersion: CheckRun<"istio-version"> = async ({ lab, facts, signal }, { objects: names }) =>
  Promise.all(
    names.map(async (name: LabObject) => {
      const { layer, ...ref } = objects[name];
      const object = await lab.read(ref, signal);
      const images = imagesOf(object);
      const evidence = [{ source: name, lines: images }];
      const wanted = facts.versions.istio;
      const others = images.filter((image) => versionOf(image) !== wanted);
      const runs = images.length === 0 ? "has no container" : others.length > 0 && `runs ${others.join(", ")}`;
      // The template describes the new pods; a pod of an earlier revision may still run.
      const problem = runs || rolloutProblem(object);
      if (problem) return failed(name, layer, `${name} ${problem}`, { expected: `Istio ${wanted}`, evidence });
      return passed(name, layer, `${name} runs Istio ${wanted}`, { evidence });
    }),
  );

/** The version in the tag of an image, without the suffix of a variant. */
const versionOf = (image: string): string | undefined => /:(\d+\.\d+\.\d+)(-[a-z]+)?(@.*)?$/.exec(image)?.[1];

const imagesOf = (object: KubeObject | undefined): string[] =>
  listAt(object, "spec", "template", "spec", "containers").map((container) => `image ${textAt(container, "image")}`);

const statusOf = (object: KubeObject | undefined): string[] =>
  entriesAt(object, "status")
    .filter(([, value]) => typeof value === "number")
    .map(([key, value]) => `${key} ${value}`);
