import type { LabFacts } from "../../experiments/types";
import { shellWord } from "../../host/shell";
import { textAt } from "../json";
import type { KubeObject } from "../lab-client";
import type { Cause } from "../report/schema";
import { keyOf, layerOf } from "./drift";

/** An object that is not the lab's and acts on its traffic, or might. */
export interface Other {
  object: KubeObject;
  cause: Cause;
  /** It lets requests through, refuses, changes or redirects them, or hides them from the proofs. */
  decisive: boolean;
}

/** What is the lab's own, to tell others from it. */
export interface Own {
  declared: readonly KubeObject[];
  /** Namespaces of the lab's applications and proxies. */
  namespaces: ReadonlySet<string>;
  hosts: ReadonlySet<string>;
  /** Services that the stack declares. */
  services: readonly KubeObject[];
  /** Value of the label `app` of the lab's applications, with their namespace. */
  apps: readonly { namespace: string; app: string }[];
  /** Namespaces and labels of the lab's pods. */
  pods: readonly { namespace: string; labels: Readonly<Record<string, string>> }[];
}

/** An object of others, and what it has to do with the lab. */
export function other(object: KubeObject, what: string, decisive: boolean, facts: LabFacts): Other {
  const { kind = "", metadata: { name = "", namespace = "" } = {} } = object;
  const group = object.apiVersion?.includes("/") ? `.${object.apiVersion.split("/")[0]}` : "";
  const where = `--kubeconfig ${shellWord(facts.kubeconfig)} --context ${shellWord(facts.context)}`;
  const key = keyOf(object);
  return {
    ...{ object, decisive },
    cause: {
      ...{ kind: "drift", layer: layerOf(object), object: key, what: `${key} is not the lab's: ${what}` },
      fix: `kubectl ${where} --namespace ${namespace} delete ${kind.toLowerCase()}${group} ${name}`,
    },
  };
}

/**
 * Whether a lab leaves an object alone: on a cluster that it did not make, what was there before it and decides nothing is the owner's.
 * @param since when the lab's own first object was made
 */
export function isTolerated({ object, decisive }: Other, { cluster }: LabFacts, since: string | undefined): boolean {
  const made = textAt(object, "metadata", "creationTimestamp");
  return (
    cluster === "existing" &&
    !decisive &&
    made !== undefined &&
    since !== undefined &&
    Date.parse(made) < Date.parse(since)
  );
}
