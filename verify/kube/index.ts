import { fieldManager } from "../../config/vocabulary";
import type { LabFacts } from "../../experiments/types";
import { pathOf } from "../../host/kube-api";
import { bounded } from "../eventually";
import { listAt, textAt } from "../json";
import type { ClusterClient, ClusterReader, HttpAnswer, KubeObject, LabClient, PodRef } from "../lab-client";
import { podExec } from "./exec";
import { forwardGet } from "./forward";
import { httpRequest } from "./http";
import { nodePower, readSysctls } from "./nodes";
import { ApiError, callApi, type KubeConfig, kubeConfig } from "./rest";
import { handshake, secureWay } from "./tls";

/** Commands in pods, and port-forwards, that run at one time. */
const most = 6;
/** Timeout of a TLS handshake, in milliseconds. */
const handshakeMs = 5_000;
const json: Readonly<Record<string, string>> = { accept: "application/json" };
/** The kubelet serves files without a content type and answers 406 to a request for one. */
const anything = { accept: "*/*" };

/** The lab whose cluster a kubeconfig names. */
export async function kubeLabClient(facts: LabFacts): Promise<LabClient> {
  const config = await kubeConfig(facts);
  const [execs, forwards] = [limiter(most), limiter(most)];
  return {
    ...clusterReader(config),
    exec: (pod, command, timeoutMs, signal) => execs(() => podExec(config, pod, command, timeoutMs, signal)),
    podGet: (pod, port, path, signal) => forwards(() => forwardGet(config, pod, port, path, signal)),
    gateway: async ({ method, path, host, headers, tls, timeoutMs }, signal) => {
      const way = tls ? await secureWay(facts, host) : { url: facts.url };
      const request = { method, path, headers: { ...headers, host } };
      return bounded((limit) => httpRequest(request, way, limit), timeoutMs, signal);
    },
    handshake: (host, trusting, signal) =>
      bounded((limit) => handshake(facts, host, trusting, limit), handshakeMs, signal),
    sysctls: readSysctls,
    ...nodePower(facts),
    patch: async (ref, operations, signal) => {
      const request = {
        method: "PATCH",
        path: `${pathOf(ref)}?${new URLSearchParams({ fieldManager })}`,
        headers: { ...json, "content-type": "application/json-patch+json" },
        body: JSON.stringify(operations),
      };
      return JSON.parse((await callApi(config, request, signal)).body) as KubeObject;
    },
    killPod: ({ namespace, name, uid }, signal) =>
      deletePod(config, { namespace, name }, { gracePeriodSeconds: 1, preconditions: { uid } }, signal),
  };
}

/** The cluster of a kubeconfig's context. */
export async function kubeClusterClient(address: Pick<LabFacts, "kubeconfig" | "context">): Promise<ClusterClient> {
  const config = await kubeConfig(address);
  return {
    ...clusterReader(config),
    create: async (object, signal) => {
      const { apiVersion = "", kind = "", metadata = {} } = object;
      const { namespace } = metadata;
      const request = {
        method: "POST",
        path: `${pathOf({ apiVersion, kind, ...(namespace ? { namespace } : {}) })}?${new URLSearchParams({ fieldManager })}`,
        headers: { ...json, "content-type": "application/json" },
        body: JSON.stringify(object),
      };
      return JSON.parse((await callApi(config, request, signal)).body) as KubeObject;
    },
    deletePod: async (pod, signal) => {
      await orAbsent(deletePod(config, pod, { gracePeriodSeconds: 0 }, signal));
    },
    output: async ({ container, ...pod }, signal) => {
      const path = `${podPath(pod)}/log?${new URLSearchParams({ container })}`;
      return (await get(config, path, signal)).body;
    },
  };
}

/** The reads of both clients. */
function clusterReader(config: KubeConfig): ClusterReader {
  return {
    read: async (ref, signal) => {
      const answer = await orAbsent(get(config, pathOf(ref), signal));
      return answer && (JSON.parse(answer.body) as KubeObject);
    },
    list: async ({ labels = {}, ...what }, signal) => {
      const selector = new URLSearchParams({
        labelSelector: Object.entries(labels)
          .map((pair) => pair.join("="))
          .join(),
      });
      const answer = await orAbsent(get(config, `${pathOf(what)}?${selector}`, signal));
      return answer ? (listAt(JSON.parse(answer.body), "items") as KubeObject[]) : [];
    },
    logs: async ({ container, ...pod }, since, signal) => {
      const query = new URLSearchParams({ container, timestamps: "true" });
      if (since === undefined) query.set("tailLines", "1");
      else query.set("sinceTime", since);
      const { body } = await get(config, `${podPath(pod)}/log?${query}`, signal);
      return body.split("\n").filter((line) => line !== "");
    },
    rotatedLogs: (pod, signal) => rotatedLines((path) => get(config, path, signal, anything), pod),
    serverTime: async (signal) => Date.parse((await get(config, "/version", signal)).headers.date ?? ""),
  };
}

const get = (config: KubeConfig, path: string, signal: AbortSignal, headers = json) =>
  callApi(config, { method: "GET", path, headers }, signal);

const podPath = ({ namespace, name }: Pick<PodRef, "namespace" | "name">): string =>
  pathOf({ apiVersion: "v1", kind: "Pod", namespace, name });

async function deletePod(
  config: KubeConfig,
  pod: Pick<PodRef, "namespace" | "name">,
  options: { gracePeriodSeconds: number; preconditions?: { uid: string } },
  signal: AbortSignal,
): Promise<void> {
  const headers = { ...json, "content-type": "application/json" };
  const request = { method: "DELETE", path: podPath(pod), headers, body: JSON.stringify(options) };
  await callApi(config, request, signal);
}

/** A missing kind and a missing object both give 404. */
async function orAbsent<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** Limits how many tasks run concurrently, to keep the load on the API server low. */
export function limiter(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= most) await new Promise<void>((go) => waiting.push(go));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      // The slot goes to the next waiting request, so that no other request takes it.
      if (next) next();
      else running -= 1;
    }
  };
}

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
