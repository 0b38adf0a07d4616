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

/** What a client saw of one request. */
export interface Answer extends CurlAnswer {
  /** Id in the header x-request-id and in the query, by which records are matched. */
  id: string;
  from: Client;
  /** The Service that was asked, or whose pod. */
  service: ServiceName;
  /** The pod that sent; absent for this machine. */
  clientPod?: LabPod;
  /** curl's exit code; 0 when there was an answer. */
  exit: number;
  /** The request as it was sent. */
  request: Omit<SentRequest, "status" | "error">;
}

/** Name of a pod, with its namespace unless that is the story's. */
export const podName = ({ namespace, name }: Pick<LabPod, "namespace" | "name">): string =>
  namespace === appNamespace ? name : `${namespace}/${name}`;

/** The path with the id in its query: proxies may replace the header, but they log the path as it came. */
export const tagged = (path: string, id: string): string => `${path}${path.includes("?") ? "&" : "?"}probe=${id}`;

/** Milliseconds by which the story's fault delays a request that it hits. */
export const injectedMs = ({ settings }: VerifyContext["facts"]): number =>
  settings.faultEnabled ? durationMs(settings.faultDelay) : 0;

/** Milliseconds that one request may take, an injected delay included. */
export const requestLimit = ({ facts, timings }: VerifyContext): number => timings.requestMs + injectedMs(facts);

/** Sends one request, on a connection of its own and with an id of its own. */
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

/** Ports that no kernel gives by itself: ip_local_port_range begins at 32768. */
const ownPorts = { first: 20_000, count: 12_000 };
let latest = 0;

/**
 * A port that no request had two minutes before. ztunnel's redirection sends every connection of a pod to one port: where
 * two have the same source port, on their way to different places, the kernel's NAT gives one of them another, and ztunnel
 * logs a port that the client never had.
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
