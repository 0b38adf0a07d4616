import { existsSync } from "node:fs";
import { z } from "zod";
import { messageOf } from "../../host/errors";
import type { ClusterAddress } from "../../host/paths";
import { kubeConfig } from "../../verify/kube/client";
import { callApi, pathOf } from "../../verify/kube/rest";

const podsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ namespace: z.string(), name: z.string() }),
      status: z.object({
        phase: z.string().optional(),
        containerStatuses: z
          .array(
            z.object({
              name: z.string(),
              ready: z.boolean(),
              restartCount: z.number(),
              state: z
                .record(z.string(), z.object({ reason: z.string().optional(), message: z.string().optional() }))
                .optional(),
            }),
          )
          .default([]),
      }),
    }),
  ),
});

const eventsSchema = z.object({
  items: z.array(
    z.object({
      lastTimestamp: z.string().nullish(),
      involvedObject: z.object({
        namespace: z.string().optional(),
        kind: z.string().optional(),
        name: z.string().optional(),
      }),
      reason: z.string().optional(),
      message: z.string().optional(),
      count: z.number().nullish(),
    }),
  ),
});

/** Warnings that are kept: the newest. */
const eventsKept = 60;

/**
 * What the cluster says about itself: every pod, and the newest warnings. A cluster that says nothing is part of the story
 * and no error.
 */
export async function clusterLines(address: ClusterAddress, signal: AbortSignal): Promise<string[]> {
  if (!existsSync(address.kubeconfig)) return [`There is no kubeconfig at ${address.kubeconfig}: no cluster was made`];
  try {
    const config = await kubeConfig(address);
    const get = async (kind: string, query = "") => {
      const path = `${pathOf({ apiVersion: "v1", kind })}${query}`;
      const { body } = await callApi(config, { method: "GET", path, headers: { accept: "application/json" } }, signal);
      return JSON.parse(body) as unknown;
    };
    const [pods, events] = await Promise.all([get("Pod"), get("Event", "?fieldSelector=type%3DWarning")]);
    return ["Pods", ...podLines(pods), "", "Warnings", ...eventLines(events)];
  } catch (thrown) {
    return [`The cluster does not answer: ${messageOf(thrown)}`];
  }
}

function podLines(answer: unknown): string[] {
  return podsSchema.parse(answer).items.map(({ metadata, status }) => {
    const containers = status.containerStatuses.map(({ name, ready, restartCount, state = {} }) => {
      const [what, { reason, message } = {}] = Object.entries(state)[0] ?? ["unknown"];
      const why = [reason, message].filter(Boolean).join(": ");
      return `${name} ${ready ? "ready" : what}${why ? ` (${why})` : ""}${restartCount > 0 ? `, restarts ${restartCount}` : ""}`;
    });
    return `  ${metadata.namespace}/${metadata.name}  ${status.phase ?? "unknown"}  ${containers.join("; ")}`;
  });
}

function eventLines(answer: unknown): string[] {
  return eventsSchema
    .parse(answer)
    .items.sort((a, b) => (a.lastTimestamp ?? "").localeCompare(b.lastTimestamp ?? ""))
    .slice(-eventsKept)
    .map(({ lastTimestamp, involvedObject: { namespace = "", kind, name }, reason, message, count }) => {
      return `  ${lastTimestamp ?? "-"}  ${namespace}/${kind}/${name}  ${reason}: ${message}${count && count > 1 ? ` (${count} times)` : ""}`;
    });
}
