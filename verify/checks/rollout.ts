import { type LabObject, objects } from "../../experiments/objects";
import { entriesAt, listAt, numberAt, textAt } from "../json";
import type { KubeObject } from "../world";
import { type CheckRun, failed, passed } from "./check";

/** What is wrong with a workload's rollout; undefined when all of its pods are up to date and ready. */
export function rolloutProblem(object: KubeObject | undefined): string | undefined {
  if (!object) return "does not exist";
  const daemon = object.kind === "DaemonSet";
  const status = object.status;
  const wanted = daemon ? numberAt(status, "desiredNumberScheduled") : numberAt(object, "spec", "replicas");
  const ready = numberAt(status, daemon ? "numberReady" : "readyReplicas") ?? 0;
  const updated = numberAt(status, daemon ? "updatedNumberScheduled" : "updatedReplicas") ?? 0;
  if ((wanted ?? 0) === 0) return daemon ? "is wanted on no node" : "is scaled to 0";
  if (ready < Number(wanted)) return `has ${ready} of ${wanted} pods ready`;
  if (updated < Number(wanted)) return `has ${updated} of ${wanted} pods up to date`;
  return undefined;
}

/** Every pod of the workloads is up to date and ready. */
export const rollouts: CheckRun<"rollouts"> = async ({ world, signal }, { objects: names }) =>
  Promise.all(
    names.map(async (name: LabObject) => {
      const { layer, ...ref } = objects[name];
      const object = await world.read(ref, signal);
      const problem = rolloutProblem(object);
      const evidence = [{ source: name, lines: [...imagesOf(object), ...statusOf(object)] }];
      if (problem) return failed(name, layer, `${name} ${problem}`, { expected: "all pods ready", evidence });
      return passed(name, layer, `${name} is rolled out`, { evidence });
    }),
  );

/** Every part of the mesh runs the Istio that the stack asks for: an upgrade came through to the last proxy. */
export const istioVersion: CheckRun<"istio-version"> = async ({ world, facts, signal }, { objects: names }) =>
  Promise.all(
    names.map(async (name: LabObject) => {
      const { layer, ...ref } = objects[name];
      const object = await world.read(ref, signal);
      const images = imagesOf(object);
      const evidence = [{ source: name, lines: images }];
      const wanted = facts.versions.istio;
      const others = images.filter((image) => versionOf(image) !== wanted);
      const problem = images.length === 0 ? "has no container" : others.length > 0 && `runs ${others.join(", ")}`;
      if (problem) return failed(name, layer, `${name} ${problem}`, { expected: `Istio ${wanted}`, evidence });
      return passed(name, layer, `${name} runs Istio ${wanted}`, { evidence });
    }),
  );

/** The version in an image's tag, without what a variant adds to it. */
const versionOf = (image: string): string | undefined => /:(\d+\.\d+\.\d+)(-[a-z]+)?(@.*)?$/.exec(image)?.[1];

const imagesOf = (object: KubeObject | undefined): string[] =>
  listAt(object, "spec", "template", "spec", "containers").map((container) => `image ${textAt(container, "image")}`);

const statusOf = (object: KubeObject | undefined): string[] =>
  entriesAt(object, "status")
    .filter(([, value]) => typeof value === "number")
    .map(([key, value]) => `${key} ${value}`);
