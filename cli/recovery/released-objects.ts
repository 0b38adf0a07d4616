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

/**
 * Objects of the stack's Helm releases, from the records of the revisions that are deployed. Without definitions: others
 * complete them, and without one its objects are gone as well.
 */
export async function releasedObjects(
  config: NonNullable<Awaited<ReturnType<typeof clientConfig>>>,
  resources: readonly StateResource[],
): Promise<ReleasedObject[]> {
  const own = keysOf(resources);
  if (own.size === 0) return [];
  const { CoreV1Api } = await import("@kubernetes/client-node");
  const { items } = await config
    .makeApiClient(CoreV1Api)
    .listSecretForAllNamespaces({ labelSelector: "owner=helm,status=deployed" });
  return items.flatMap(({ metadata, data }) => {
    const key = `${metadata?.namespace}/${metadata?.labels?.name}`;
    return own.has(key) && data?.release ? objectsOf(data.release) : [];
  });
}

/** The Secret's value is base64 of gzip of JSON in base64 (helm v3, pkg/storage/driver/util.go, encodeRelease). */
function objectsOf(secret: string): ReleasedObject[] {
  const packed = Buffer.from(Buffer.from(secret, "base64").toString("latin1"), "base64");
  const { name: release, namespace, manifest } = recordSchema.parse(JSON.parse(gunzipSync(packed).toString("utf8")));
  const documents = manifest.split(/^---$/m).filter((text) => !/^kind: CustomResourceDefinition$/m.test(text));
  return documents.flatMap((text) => {
    const object: ReleasedObject["object"] | null = parseYaml(text);
    return object?.kind && object.metadata?.name
      ? [{ release, namespace, object: asInstalled(object, release, namespace) }]
      : [];
  });
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
