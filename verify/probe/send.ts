import { randomUUID } from "node:crypto";
import { appNamespace, durationMs, ports } from "../../config/vocabulary";
import { hostOf, podsBehind } from "../../experiments/names";
import type { Client, ServiceName } from "../../experiments/slices";
import type { Probe } from "../../experiments/types";
import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import { hostPort, type LabPod } from "../pods";
import type { SentRequest } from "../report/schema";
import { type CurlAnswer, curlArguments, parseCurl } from "./curl";
import { tokenFor } from "./token";

/** The answer to a request, with the request. */
export interface Answer extends CurlAnswer {
  /** Id of the request in the header x-request-id and in the query, by which log records are found. */
  id: string;
  from: Client;
  /** The Service of the destination. */
  service: ServiceName;
  /** The pod that sent the request; absent for this machine. */
  clientPod?: LabPod;
  /** Exit code of curl; 0 with an answer. */
  exit: number;
  request: Omit<SentRequest, "status" | "error">;
}

/** Name of a pod, with its namespace unless that is the story's. */
export const podName = ({ namespace, name }: Pick<LabPod, "namespace" | "name">): string =>
  namespace === appNamespace ? name : `${namespace}/${name}`;

/** The path with the id in its query: proxies may replace the header, but log the path unchanged. */
export const tagged = (path: string, id: string): string => `${path}${path.includes("?") ? "&" : "?"}probe=${id}`;

/** The injected delay of the fault, in milliseconds; 0 without a fault. */
export const injectedMs = ({ settings }: VerifyContext["facts"]): number =>
  settings.faultEnabled ? durationMs(settings.faultDelay) : 0;

/** Timeout of a request in milliseconds, including an injected delay. */
export const requestLimit = ({ facts, timings }: VerifyContext): number => timings.requestMs + injectedMs(facts);

/** Sends a request with a new id, on a new connection. */
export async function send(context: VerifyContext, probe: Probe, signal: AbortSignal): Promise<Answer> {
  return probe.from === "host" ? throughGateway(context, probe, signal) : fromPod(context, probe, probe.from, signal);
}

async function throughGateway(context: VerifyContext, probe: Probe, signal: AbortSignal): Promise<Answer> {
  const id = randomUUID();
  const host = probe.host ?? `appb.${context.facts.settings.domain}`;
  const path = tagged(probe.path, id);
  const url = probe.tls ? (context.facts.tls?.url ?? "https://") : context.facts.url;
  const { method, to } = probe;
  const sent = { method, url: `${url}${path}`, path: probe.path, to, target: host, token: probe.token !== undefined };
  const base = { id, from: "host", service: "appb", request: sent } as const;
  const bearer: Record<string, string> = probe.token
    ? { authorization: `Bearer ${await tokenFor(context, probe.token, signal)}` }
    : {};
  const started = context.clock.now();
  try {
    const request = { method, path, host, headers: { "x-request-id": id, ...bearer } };
    const answer = await context.lab.gateway(
      { ...request, tls: probe.tls ?? false, timeoutMs: requestLimit(context) },
      signal,
    );
    return { ...base, ...answer, exit: 0 };
  } catch (error) {
    signal.throwIfAborted();
    const seconds = (context.clock.now() - started) / 1000;
    return { ...base, status: 0, headers: {}, body: "", seconds, exit: 1, error: messageOf(error) };
  }
}

async function fromPod(
  context: VerifyContext,
  probe: Probe,
  client: Exclude<Client, "host">,
  signal: AbortSignal,
): Promise<Answer> {
  const id = randomUUID();
  const clientPod = await context.podFinder.client(client, signal);
  const url = `http://${await authority(context, probe, signal)}${tagged(probe.path, id)}`;
  const timeoutMs = requestLimit(context);
  const command = curlArguments({
    method: probe.method,
    url,
    headers: { "x-request-id": id, connection: "close" },
    timeoutMs,
    localPort: nextPort(context.clock.now()),
  });
  const result = await context.lab.exec(clientPod, command, timeoutMs + 10_000, signal);
  const seen = parseCurl(result.stdout);
  const { service = "appb", method, path, to } = probe;
  const target = to === "pod" ? podsBehind(service) : service;
  const request = { pod: podName(clientPod), method, url, path, to, target, token: false };
  const base = { id, from: client, service, clientPod, exit: result.code, request };
  if (seen) return { ...base, ...seen };
  const error = result.stderr.trim() || `curl wrote nothing (exit ${result.code})`;
  return { ...base, status: 0, headers: {}, body: "", seconds: 0, error };
}

/** Source ports below the ephemeral ports (ip_local_port_range begins at 32768). */
const ownPorts = { first: 20_000, count: 12_000 };
let latest = 0;

/**
 * A source port that no request used in the last two minutes. The redirection sends all connections of a pod to one port of ztunnel: if
 * two connections to different destinations have the same source port, NAT changes one of them, and ztunnel logs the changed port.
 */
function nextPort(now: number): number {
  latest = Math.max(latest + 1, Math.floor(now / 10));
  return ownPorts.first + (latest % ownPorts.count);
}

async function authority(context: VerifyContext, probe: Probe, signal: AbortSignal): Promise<string> {
  const { service = "appb" } = probe;
  if (probe.to === "service") return `${hostOf(service)}:${ports.service}`;
  return hostPort((await context.podFinder.one(podsBehind(service), signal)).ip, ports.container);
}
