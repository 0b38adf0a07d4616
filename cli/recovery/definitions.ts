import type { ApiObject, ReadApi } from "../../host/kube-api";
import { metadataOnly } from "../../host/kube-api";
import { eventually } from "../../verify/eventually";
import { at, listAt, textAt } from "../../verify/json";
import type { ReleasedDefinition } from "./released-objects";

/**
 * Definitions of Helm releases that may differ from what Helm wrote: those that are gone, those whose spec was changed since
 * their creation (a field that somebody removes has no field manager), and those that another field manager than Helm wrote.
 * The others are as they were, and to compare all of them would take longer than the rest of a look.
 */
export async function doubtfulDefinitions(
  read: ReadApi,
  definitions: readonly ReleasedDefinition[],
): Promise<ReleasedDefinition[]> {
  if (definitions.length === 0) return [];
  const list = await read("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", metadataOnly);
  const live = new Map((list?.items ?? []).map((each) => [each.metadata?.name, each]));
  return definitions.filter(({ name }) => {
    const found = live.get(name);
    const [writer, ...more] = writersOf(found);
    return found?.metadata?.generation !== 1 || more.length > 0 || !writer?.startsWith(helmInEngine);
  });
}

/**
 * Field manager of the objects of a release, which Helm names after its program (helm v3.20.2 pkg/kube/client.go,
 * getManagedFieldsManager): the plugin of the engine, which may end in ".exe".
 */
const helmInEngine = "pulumi-resource-kubernetes";

/** Field managers that wrote an object; the API server itself notes the state of a definition. */
function writersOf(object: ApiObject | undefined): ReadonlySet<string | undefined> {
  const entries = object?.metadata?.managedFields ?? [];
  return new Set(entries.flatMap(({ manager, subresource }) => (subresource ? [] : [manager])));
}

/** Waits until the API server serves what a definition defines, which takes it a moment. */
export async function untilServed(read: ReadApi, definition: unknown): Promise<void> {
  const [group, plural] = [textAt(definition, "spec", "group"), textAt(definition, "spec", "names", "plural")];
  const version = listAt(definition, "spec", "versions").find((each) => at(each, "served") === true);
  const path = `/apis/${group}/${textAt(version, "name")}`;
  const served = async () => {
    const { resources = [] } = (await read(path)) ?? {};
    if (!resources.some(({ name }) => name === plural)) throw new Error(`${path} does not serve ${plural}`);
  };
  const signal = new AbortController().signal;
  await eventually(served, { what: `the API of ${plural}.${group}`, deadlineMs: 30_000, signal });
}
