import { gunzipSync } from "node:zlib";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { asRecord } from "../../cli/plan/serves";
import { isWorkload } from "./script";

/** Something with a rollout. */
export interface Workload {
  kind: string;
  name: string;
  /** Empty: that of its release. */
  namespace: string;
}

/** What Helm made of a chart. */
export interface HelmRecord {
  manifest: string;
  workloads: readonly Workload[];
}

const secretsSchema = z.object({ items: z.array(z.object({ data: z.object({ release: z.string() }) })) });
const recordSchema = z.object({ name: z.string(), manifest: z.string() });

/** The releases that Helm recorded in Secrets, by name: a machine without Helm installs the same objects from them. */
export function helmRecords(secrets: string): Map<string, HelmRecord> {
  const { items } = secretsSchema.parse(JSON.parse(secrets));
  return new Map(
    items.map(({ data }) => {
      // Kubernetes encodes what Helm has encoded.
      const packed = Buffer.from(Buffer.from(data.release, "base64").toString("utf8"), "base64");
      const { name, manifest } = recordSchema.parse(JSON.parse(gunzipSync(packed).toString("utf8")));
      return [name, { manifest, workloads: workloadsOf(manifest) }];
    }),
  );
}

function workloadsOf(manifest: string): Workload[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    const { kind, metadata } = asRecord(document.toJS());
    const { name, namespace = "" } = asRecord(metadata);
    return isWorkload(String(kind)) ? [{ kind: String(kind), name: String(name), namespace: String(namespace) }] : [];
  });
}
