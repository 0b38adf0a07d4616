import { messageOf } from "../../host/errors";
import { clientConfig } from "../../host/kube-api";
import type { ClusterAddress } from "../../host/paths";
import { opened } from "../engine/secrets";
import type { StateResource } from "../engine/types";
import { labAddress, sameAddress } from "../stack/lab";

/** An object of the stack that was changed or deleted since the last `up`, and not by the engine. */
export interface DriftedObject {
  /** Such as `AuthorizationPolicy default/appb-l7`. */
  object: string;
  /** What differs: paths such as `spec.rules[0].to[0]`; empty when the object does not exist. */
  paths: readonly string[];
  /** Writes it again as the last `up` declared it. */
  reconcile(): Promise<void>;
}

/**
 * Compares the plain objects of the stack with the cluster. The API server itself tells what an apply would change (a dry
 * run), so that defaults and other ways to write the same value are no drift.
 *
 * The engine does not reconcile these: another writer takes the fields over, and after `pulumi up --refresh` the engine
 * still counts its own part of the object as unchanged (seen with engine 3.260 and kubernetes 4.34).
 * @returns undefined when no cluster answers there
 */
export async function findDrift(
  resources: readonly StateResource[],
  address: ClusterAddress,
): Promise<DriftedObject[] | undefined> {
  const declared = resources.flatMap(declaredIn);
  if (declared.length === 0) return [];
  const config = await clientConfig(address);
  if (!config) return undefined;
  const { ApiException, KubernetesObjectApi, PatchStrategy } = await import("@kubernetes/client-node");
  const api = KubernetesObjectApi.makeApiClient(config);
  const apply = ({ inputs, manager }: Declared, dryRun?: "All") =>
    api.patch(inputs, undefined, dryRun, manager, true, PatchStrategy.ServerSideApply);
  const statusOf = (thrown: unknown) => (thrown instanceof ApiException ? Number(thrown.code) : undefined);

  const look = async (each: Declared): Promise<DriftedObject[]> => {
    const { kind, metadata } = each.inputs;
    const object = `${kind} ${metadata?.namespace ? `${metadata.namespace}/` : ""}${metadata?.name}`;
    const reconcile = async () => void (await apply(each));
    try {
      const live = await api.read({ ...each.inputs, metadata: { ...metadata, name: metadata?.name ?? "" } });
      const wanted = await apply(each, "All");
      const paths = differences(essence(wanted), essence(live));
      return paths.length > 0 ? [{ object, paths, reconcile }] : [];
    } catch (thrown) {
      // A patched object belongs to another owner: without the object there is nothing to patch.
      if (statusOf(thrown) === 404) return each.isPatch ? [] : [{ object, paths: [], reconcile }];
      // The engine meets the same refusal of the server, and reports it.
      if (statusOf(thrown) !== undefined) return [];
      throw thrown;
    }
  };
  return Promise.all(declared.map(look)).then(
    (found) => found.flat(),
    () => undefined,
  );
}

/**
 * Reconciles drift: writes the changed objects of the stack again, since the engine would not notice the changes.
 * @param address cluster that the configuration asks for. The engine is about to move a lab that is in another one, so
 * that its objects there do not matter.
 */
export async function reconcileDrift(
  resources: readonly StateResource[],
  address: ClusterAddress,
  say: (line: string) => void,
): Promise<void> {
  const current = labAddress(resources);
  if (!current || !sameAddress(current, address)) return;
  for (const drifted of (await findDrift(resources, current)) ?? []) {
    const outcome = await drifted.reconcile().then(
      () => "(put back)",
      // Its kind or namespace may be gone as well. The engine and the proofs report that.
      (refused: unknown) => `(not put back: ${messageOf(refused).split("\n")[0]})`,
    );
    say(`${driftText(drifted)}   ${outcome}`);
  }
}

/** The difference as a line of text. */
export function driftText({ object, paths }: DriftedObject): string {
  return paths.length > 0 ? `${object} was changed by hand: ${paths.join(", ")}` : `${object} was deleted by hand`;
}

interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: { name?: string; namespace?: string };
}

interface Declared {
  inputs: KubernetesObject;
  /** Field manager of the engine's provider. */
  manager: string;
  isPatch: boolean;
}

function declaredIn({ type, inputs: recorded, outputs }: StateResource): Declared[] {
  // The inputs of a Secret are encrypted in the state. A value that cannot be decrypted cannot be written again.
  const inputs = opened(recorded) as StateResource["inputs"];
  const manager = outputs?.__fieldManager;
  const plain = type.startsWith("kubernetes:") && typeof manager === "string" && inputs?.kind && inputs.metadata;
  return plain ? [{ inputs: inputs as KubernetesObject, manager, isPatch: type.endsWith("Patch") }] : [];
}

/** The object without the fields that the server maintains. */
function essence(object: KubernetesObject): unknown {
  const { managedFields, resourceVersion, generation, ...metadata }: Record<string, unknown> = { ...object.metadata };
  return JSON.parse(JSON.stringify({ ...object, metadata, status: undefined }));
}

function differences(wanted: unknown, live: unknown, path = ""): string[] {
  if (JSON.stringify(wanted) === JSON.stringify(live)) return [];
  if (Array.isArray(wanted) && Array.isArray(live) && wanted.length === live.length) {
    return wanted.flatMap((each, index) => differences(each, live[index], `${path}[${index}]`));
  }
  if (!isRecord(wanted) || !isRecord(live)) return [path];
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(live)])];
  return keys.flatMap((key) => differences(wanted[key], live[key], path ? `${path}.${key}` : key));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
