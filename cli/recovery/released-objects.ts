import { gunzipSync } from "node:zlib";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { type ApiObject, type clientConfig, metadataOnly, type ReadApi } from "../../host/kube-api";
import { eventually } from "../../verify/eventually";
import { at, listAt, textAt } from "../../verify/json";
import type { StateResource } from "../engine/types";
import { keysOf } from "./helm-releases";

/** An object of a Helm release, from Helm's record. */
export interface ReleasedObject {
  release: string;
  /** Namespace of the release, and of its objects without a namespace. */
  namespace: string;
  object: Record<string, unknown> & { kind: string; metadata: { name: string } };
}

/** The fields of a record that are read (helm v3, pkg/release/release.go). */
const recordSchema = z.object({ name: z.string(), namespace: z.string(), manifest: z.string() });

/** A CustomResourceDefinition of a Helm release. It is parsed on demand: the lab's definitions have three megabytes. */
export interface ReleasedDefinition {
  name: string;
  parse(): ReleasedObject;
}

/** Objects and definitions of the stack's Helm releases. */
export interface Released {
  objects: readonly ReleasedObject[];
  definitions: readonly ReleasedDefinition[];
}

/** Reads the objects of the stack's Helm releases from the records of the deployed revisions. */
export async function releasedObjects(
  config: NonNullable<Awaited<ReturnType<typeof clientConfig>>>,
  resources: readonly StateResource[],
): Promise<Released> {
  const own = keysOf(resources);
  if (own.size === 0) return { objects: [], definitions: [] };
  const { CoreV1Api } = await import("@kubernetes/client-node");
  const { items } = await config
    .makeApiClient(CoreV1Api)
    .listSecretForAllNamespaces({ labelSelector: "owner=helm,status=deployed" });
  const released = items.flatMap(({ metadata, data }) => {
    const key = `${metadata?.namespace}/${metadata?.labels?.name}`;
    return own.has(key) && data?.release ? [releasedBy(data.release)] : [];
  });
  return {
    objects: released.flatMap(({ objects }) => objects),
    definitions: released.flatMap(({ definitions }) => definitions),
  };
}

/** Decodes the value of a Secret: JSON, gzip and two times base64 (helm v3, pkg/storage/driver/util.go, encodeRelease). */
function releasedBy(secret: string): Released {
  const packed = Buffer.from(Buffer.from(secret, "base64").toString("latin1"), "base64");
  const { name: release, namespace, manifest } = recordSchema.parse(JSON.parse(gunzipSync(packed).toString("utf8")));
  const documents = manifest.split(/^---$/m);
  const parse = (text: string): ReleasedObject[] => {
    const object: ReleasedObject["object"] | null = parseYaml(text);
    return object?.kind && object.metadata?.name
      ? [{ release, namespace, object: asInstalled(object, release, namespace) }]
      : [];
  };
  const nameIn = (text: string) =>
    /^kind: CustomResourceDefinition$/m.test(text) ? /^ {2}name: ["']?([^\s"']+)/m.exec(text)?.[1] : undefined;
  const definitions = documents.flatMap((text) => {
    const name = nameIn(text);
    const first = () => {
      const [object] = parse(text);
      if (!object) throw new Error(`Helm release "${release}" has no definition ${name}`);
      return object;
    };
    return name ? [{ name, parse: first }] : [];
  });
  return { objects: documents.filter((text) => !nameIn(text)).flatMap(parse), definitions };
}

/** The object with the labels and annotations that Helm adds, and without the fields that controllers write. */
function asInstalled(object: ReleasedObject["object"], release: string, namespace: string): ReleasedObject["object"] {
  const { labels, annotations, ...metadata }: Record<string, unknown> & { name: string } = object.metadata;
  const marks = { "meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace };
  const installed = {
    ...object,
    metadata: {
      ...metadata,
      labels: { ...Object(labels), "app.kubernetes.io/managed-by": "Helm" },
      annotations: { ...Object(annotations), ...marks },
    },
  };
  if (object.kind === "CustomResourceDefinition") return withoutBundle(installed);
  if (!/WebhookConfiguration$/.test(object.kind) || !Array.isArray(object.webhooks)) return installed;
  // istiod and MetalLB write caBundle, and istiod writes failurePolicy (istio
  // pkg/webhooks/validation/controller/controller.go, updateValidatingWebhookConfiguration).
  const webhooks = object.webhooks.map(
    ({ failurePolicy, clientConfig: { caBundle, ...clientConfig }, ...webhook }) => ({
      ...webhook,
      clientConfig,
    }),
  );
  return { ...installed, webhooks };
}

/** MetalLB writes caBundle (metallb v0.16 uses open-policy-agent/cert-controller, pkg/rotator/rotator.go). */
function withoutBundle<T extends object>(definition: T): T {
  const conversion: unknown = Reflect.get(Object(Reflect.get(definition, "spec")), "conversion");
  const client: unknown = Reflect.get(Object(Reflect.get(Object(conversion), "webhook")), "clientConfig");
  Reflect.deleteProperty(Object(client), "caBundle");
  return definition;
}

/**
 * Definitions of Helm releases that may have drifted: those that were deleted, those whose spec was changed since their creation
 * (a removed field has no field manager), and those that another field manager than Helm wrote. The others are unchanged;
 * comparing all of them would take longer than everything else.
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
 * Field manager of the objects of a release: Helm uses the name of its program (helm v3.20.2 pkg/kube/client.go,
 * getManagedFieldsManager), here the plugin of the engine, which may end in ".exe".
 */
const helmInEngine = "pulumi-resource-kubernetes";

/** Field managers that wrote an object, except its subresources. */
function writersOf(object: ApiObject | undefined): ReadonlySet<string | undefined> {
  const entries = object?.metadata?.managedFields ?? [];
  return new Set(entries.flatMap(({ manager, subresource }) => (subresource ? [] : [manager])));
}

/** Waits until the API server serves the resources of a definition. */
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
