import { gunzipSync } from "node:zlib";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import type { clientConfig } from "../../host/kube-api";
import type { StateResource } from "../engine/types";
import { keysOf } from "./helm-releases";

/** An object of a Helm release, as Helm recorded it. */
export interface ReleasedObject {
  release: string;
  /** Namespace of the release: of its objects that name none. */
  namespace: string;
  object: Record<string, unknown> & { kind: string; metadata: { name: string } };
}

/** The part of a record that is read (helm v3, pkg/release/release.go). */
const recordSchema = z.object({ name: z.string(), namespace: z.string(), manifest: z.string() });

/** A CustomResourceDefinition of a Helm release. It is parsed on demand: the lab's have three megabytes. */
export interface ReleasedDefinition {
  name: string;
  parse(): ReleasedObject;
}

/** What the stack's Helm releases have in the cluster. */
export interface Released {
  objects: readonly ReleasedObject[];
  definitions: readonly ReleasedDefinition[];
}

/** Objects of the stack's Helm releases, from the records of the revisions that are deployed. */
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

/** The Secret's value is base64 of gzip of JSON in base64 (helm v3, pkg/storage/driver/util.go, encodeRelease). */
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

/** The object with what Helm adds at the installation, and without what controllers of the cluster write. */
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
  // istiod and MetalLB write their certificates there, and istiod the policy of failures (istio
  // pkg/webhooks/validation/controller/controller.go, updateValidatingWebhookConfiguration).
  const webhooks = object.webhooks.map(
    ({ failurePolicy, clientConfig: { caBundle, ...clientConfig }, ...webhook }) => ({
      ...webhook,
      clientConfig,
    }),
  );
  return { ...installed, webhooks };
}

/** MetalLB writes its certificate there (metallb v0.16 uses open-policy-agent/cert-controller, pkg/rotator/rotator.go). */
function withoutBundle<T extends object>(definition: T): T {
  const conversion: unknown = Reflect.get(Object(Reflect.get(definition, "spec")), "conversion");
  const client: unknown = Reflect.get(Object(Reflect.get(Object(conversion), "webhook")), "clientConfig");
  Reflect.deleteProperty(Object(client), "caBundle");
  return definition;
}
