import { join } from "node:path";
import { stringify } from "yaml";
import { writeWhole } from "../../host/write-file";
import type { PlanGraph } from "./graph";
import type { Declared } from "./record";
import { asRecord, kindOf } from "./serves";

/** Writes the Kubernetes objects, and the values of the Helm releases, as files numbered in order. Returns their names. */
export function writeObjects(folder: string, { nodes }: PlanGraph): string[] {
  const files = nodes.flatMap(({ resource }) => fileOf(resource) ?? []);
  const width = String(files.length).length;
  const names = files.map(({ name }, index) => `${String(index + 1).padStart(width, "0")}-${name}.yaml`);
  for (const [index, { text }] of files.entries()) writeWhole(join(folder, names[index] ?? ""), text);
  return names;
}

function fileOf({ type, inputs }: Declared): { name: string; text: string } | undefined {
  if (!type.startsWith("kubernetes:")) return undefined;
  if (type === "kubernetes:helm.sh/v3:Release") {
    const { name, namespace, chart, values } = inputs;
    const how = `# helm upgrade --install ${String(name)} ${String(chart)} --namespace ${String(namespace)} --values THIS-FILE\n`;
    return { name: `helm-values-${String(name)}`, text: `${how}${stringify(values ?? {})}` };
  }
  const metadata = asRecord(inputs.metadata);
  const kind = kindOf(type, inputs);
  const object = { apiVersion: inputs.apiVersion ?? apiVersionOf(type), kind, ...inputs };
  return { name: `${kind.toLowerCase()}-${String(metadata.name)}`, text: stringify({ ...object, kind }) };
}

/** `kubernetes:apps/v1:Deployment` → `apps/v1`; the core group has no name in the API. */
function apiVersionOf(type: string): string {
  return (type.split(":")[1] ?? "").replace(/^core\//, "");
}
