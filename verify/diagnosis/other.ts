import type { LabFacts } from "../../experiments/types";
import { shellWord } from "../../host/shell";
import { textAt } from "../json";
import type { KubeObject } from "../lab-client";
import type { Cause } from "../report/schema";
import { keyOf, layerOf } from "./drift";

/** A foreign object that affects the traffic of the lab, or might affect it. */
export interface Other {
  object: KubeObject;
  cause: Cause;
  /** It affects requests of the lab, or hides them from the verifier. */
  decisive: boolean;
}

/** The lab's own objects, names and pods. */
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

/** A foreign object as a cause. @param what its relation to the lab */
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
 * Whether a foreign object is tolerated: on an existing cluster, if it is older than the lab and affects no requests.
 * @param since creation time of the lab's first object
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
