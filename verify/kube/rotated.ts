import { pathOf } from "../../host/kube-api";
import { textAt } from "../json";
import type { HttpAnswer, PodRef } from "../lab-client";

/**
 * Lines of the container's previous log file. The log endpoint of the API server returns the newest file only; the kubelet
 * serves the others under /logs.
 */
export async function rotatedLines(
  get: (path: string) => Promise<HttpAnswer>,
  { namespace, name, container }: PodRef,
): Promise<string[]> {
  const pod: unknown = JSON.parse((await get(pathOf({ apiVersion: "v1", kind: "Pod", namespace, name }))).body);
  const [node, uid] = [textAt(pod, "spec", "nodeName"), textAt(pod, "metadata", "uid")];
  const folder = `/api/v1/nodes/${node}/proxy/logs/pods/${namespace}_${name}_${uid}/${container}`;
  const file = fileBefore((await get(`${folder}/`)).body);
  if (!file) throw new Error(`no rotated log file of ${name}`);
  const text = (await get(`${folder}/${file}`)).body;
  return text.split("\n").flatMap((line) => asApiServer(line) ?? []);
}

/** The second newest of the files that a listing links, "0.log.20261123-231247" being older than "0.log". */
function fileBefore(listing: string): string | undefined {
  const files = [...listing.matchAll(/href="((\d+)\.log(?:\.(\d{8}-\d{6}))?)"/g)].map(
    ([, file = "", run, rotated]) => ({
      file,
      age: `${String(run).padStart(6, "0")} ${rotated ?? "present"}`,
    }),
  );
  return files.sort((a, b) => (a.age < b.age ? -1 : 1)).at(-2)?.file;
}

/** "STAMP stream F text" as the API server shows it: "STAMP text", with nine digits of a second. */
function asApiServer(line: string): string | undefined {
  const [, second, fraction = "", zone, text = ""] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(\S*) \S+ [FP](?: (.*))?$/.exec(line) ?? [];
  return second && `${second}.${fraction.padEnd(9, "0")}${zone} ${text}`;
}
