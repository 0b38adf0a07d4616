import { z } from "zod";
import { addonNames } from "../../config/vocabulary";
import type { PodMemory } from "./types";

const containerSchema = z.object({
  restartPolicy: z.string().optional(),
  resources: z.object({ requests: z.object({ memory: z.string().optional() }).optional() }).optional(),
});
const podsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        namespace: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
      }),
      spec: z.object({ containers: z.array(containerSchema), initContainers: z.array(containerSchema).default([]) }),
    }),
  ),
});
const summarySchema = z.object({
  pods: z.array(
    z.object({
      podRef: z.object({ name: z.string(), namespace: z.string() }),
      memory: z.object({ workingSetBytes: z.number().optional() }).optional(),
    }),
  ),
});

const mebi = 2 ** 20;
const factors: Readonly<Record<string, number>> = {
  ...{ "": 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, B: 1, kB: 1e3, MB: 1e6, GB: 1e9 },
  ...{ Ki: 2 ** 10, Mi: mebi, Gi: 2 ** 30, Ti: 2 ** 40, KiB: 2 ** 10, MiB: mebi, GiB: 2 ** 30 },
};

/** MiB of a quantity as Kubernetes ("64Mi") or Docker ("1.5GiB") writes it. */
export function mebibytes(quantity: string): number {
  const [, number, unit = ""] = /^([\d.]+(?:e\d+)?)\s*([A-Za-z]*)$/.exec(quantity.trim()) ?? [];
  const factor = factors[unit];
  if (number === undefined || factor === undefined) throw new RangeError(`"${quantity}" is no amount of memory`);
  return (Number(number) * factor) / mebi;
}

/**
 * The pods of the mesh, of its gateways and of its waypoints, with what they request; the dashboards in the mesh's own
 * namespace are no part of it.
 *
 * @param pods answer of `kubectl get pods --all-namespaces --output json`
 * @param summaries answers of each kubelet's `/stats/summary`
 */
export function meshMemory(pods: string, summaries: readonly string[]): PodMemory[] {
  const used = new Map(
    summaries
      .flatMap((summary) => summarySchema.parse(JSON.parse(summary)).pods)
      .map(({ podRef, memory }) => [`${podRef.namespace}/${podRef.name}`, memory?.workingSetBytes]),
  );
  return podsSchema.parse(JSON.parse(pods)).items.flatMap(({ metadata, spec }) => {
    const { name, namespace, labels } = metadata;
    if (!isMesh(namespace, labels)) return [];
    const bytes = used.get(`${namespace}/${name}`);
    const usedMiB = bytes === undefined ? {} : { usedMiB: Math.round(bytes / mebi) };
    return [{ namespace, name, requestedMiB: requested(spec), ...usedMiB }];
  });
}

/** MiB of the containers that `docker stats` tells of, in lines like "1.2GiB / 7.7GiB". */
export function nodesMemory(usage: string): number {
  const lines = usage.split("\n").filter(Boolean);
  return Math.round(lines.reduce((sum, line) => sum + mebibytes(line.split(" / ")[0] ?? ""), 0));
}

function isMesh(namespace: string, labels: Readonly<Record<string, string>>): boolean {
  if ("gateway.networking.k8s.io/gateway-name" in labels) return true;
  const names = [labels.app, labels["app.kubernetes.io/name"]];
  return namespace === "istio-system" && !addonNames.some((addon) => names.includes(addon));
}

type Container = z.infer<typeof containerSchema>;

/** As the scheduler counts: containers run together, init containers before them, unless they are sidecars. */
function requested({ containers, initContainers }: { containers: Container[]; initContainers: Container[] }): number {
  const of = ({ resources }: Container) => mebibytes(resources?.requests?.memory ?? "0");
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  const together = [...containers, ...sidecars].reduce((sum, each) => sum + of(each), 0);
  return Math.max(together, ...initContainers.map(of));
}
