import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { type RequestOptions, request as tlsRequest } from "node:https";
import { parse as parseYaml } from "yaml";
import { messageOf } from "./errors";
import type { ClusterAddress } from "./paths";

/**
 * Reads one path of an API server as JSON; undefined for status 404.
 * @param accept media type. @default application/json
 */
export type ReadApi = (path: string, accept?: string) => Promise<ApiObject | undefined>;

/** Media type of a list of objects with only their metadata. */
export const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/** The fields of Kubernetes objects and lists that the lab reads. */
export interface ApiObject {
  kind?: string;
  gitVersion?: string;
  metadata?: {
    name?: string;
    namespace?: string;
    /** 1 until the first change of the spec. */
    generation?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { kind: string }[];
    managedFields?: { manager?: string; subresource?: string }[];
  };
  data?: Record<string, string>;
  status?: { nodeInfo?: { containerRuntimeVersion?: string } };
  spec?: { template?: { spec?: { containers?: { image?: string }[] } } };
  items?: ApiObject[];
  /** Resources that the version of an API group serves. */
  resources?: { name?: string }[];
}

/** An API server answered with an HTTP status other than 2xx or 404. */
export class ApiRefusal extends Error {
  constructor(
    readonly path: string,
    readonly status: number,
  ) {
    super(`GET ${path}: HTTP ${status}`);
  }
}

/** The login that a kubeconfig configures, by a program or a token, failed. */
export class LoginError extends Error {
  constructor(
    /** Program that the kubeconfig names. */
    readonly program: string | undefined,
    cause: unknown,
  ) {
    super(messageOf(cause).trim(), { cause });
  }
}

/** API path of an object or, without a name, of the list of a kind. */
export function pathOf(what: { apiVersion: string; kind: string; namespace?: string; name?: string }): string {
  const root = what.apiVersion.includes("/") ? `/apis/${what.apiVersion}` : `/api/${what.apiVersion}`;
  const space = what.namespace ? `/namespaces/${what.namespace}` : "";
  return `${root}${space}/${pluralOf(what.kind)}${what.name ? `/${what.name}` : ""}`;
}

/** Resource name of a kind with its group, as kubectl accepts it: "pods", "gateways.networking.istio.io". */
export function resourceOf({ apiVersion, kind }: { apiVersion: string; kind: string }): string {
  const [group = "", version] = apiVersion.split("/");
  return version ? `${pluralOf(kind)}.${group}` : pluralOf(kind);
}

const pluralOf = (kind: string): string => {
  const word = kind.toLowerCase();
  if (word.endsWith("s")) return `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
};

/** Timeout of one request, in milliseconds. */
const timeoutMs = 10_000;

/**
 * A reader for the cluster of a kubeconfig context.
 * @throws Error when the file cannot be read or has no such context
 */
export async function openApi(address: ClusterAddress): Promise<ReadApi> {
  const { server, options } = (await withOwnCertificate(address)) ?? (await byClient(address));
  const root = new URL(server);
  const prefix = root.pathname.replace(/\/$/, "");
  return (path, accept = "application/json") =>
    get(new URL(prefix + path, root), { ...options, headers: { ...options.headers, accept } });
}

interface Endpoint {
  server: string;
  options: RequestOptions;
}

interface KubeConfigFile {
  contexts?: { name: string; context: { cluster: string; user: string } }[];
  clusters?: { name: string; cluster: { server: string; "certificate-authority-data"?: string } }[];
  users?: { name: string; user: { "client-certificate-data"?: string; "client-key-data"?: string } }[];
}

/** A kubeconfig of kind contains CA, certificate and key. Loading the Kubernetes client would take a third of a second. */
async function withOwnCertificate({ kubeconfig, context: name }: ClusterAddress): Promise<Endpoint | undefined> {
  const parsed = parseYaml(await readFile(kubeconfig, "utf8")) as KubeConfigFile | null;
  const context = parsed?.contexts?.find((each) => each.name === name)?.context;
  const cluster = parsed?.clusters?.find((each) => each.name === context?.cluster)?.cluster;
  const user = parsed?.users?.find((each) => each.name === context?.user)?.user;
  const [ca, cert, key] = [
    cluster?.["certificate-authority-data"],
    user?.["client-certificate-data"],
    user?.["client-key-data"],
  ].map((data) => (data ? Buffer.from(data, "base64") : undefined));
  return cluster && ca && cert && key ? { server: cluster.server, options: { ca, cert, key } } : undefined;
}

/** Any other kubeconfig: the Kubernetes client implements all kinds of login, including credential plugins. */
async function byClient(address: ClusterAddress): Promise<Endpoint> {
  const config = await clientConfig(address);
  const cluster = config?.getCurrentCluster();
  if (!config || !cluster) throw new Error(`context "${address.context}" names no cluster`);
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options).catch((cause: unknown) => {
    throw new LoginError(config.getCurrentUser()?.exec?.command, cause);
  });
  return { server: cluster.server, options };
}

/**
 * Configuration of the Kubernetes client for a cluster.
 * @returns undefined when the file does not exist, or when it has no such context with a cluster
 */
export async function clientConfig({ kubeconfig, context }: ClusterAddress) {
  if (!existsSync(kubeconfig)) return undefined;
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  config.setCurrentContext(context);
  return config.getCurrentCluster() ? config : undefined;
}

async function get(url: URL, options: RequestOptions): Promise<ApiObject | undefined> {
  const all = { ...options, signal: AbortSignal.timeout(timeoutMs) };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = url.protocol === "https:" ? tlsRequest(url, all) : plainRequest(url, { ...all, agent: undefined });
    sent.on("error", reject).on("response", resolve).end();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(Buffer.from(chunk));
  const { statusCode = 0 } = answer;
  if (statusCode === 404) return undefined;
  if (statusCode < 200 || statusCode > 299) throw new ApiRefusal(url.pathname, statusCode);
  return JSON.parse(Buffer.concat(chunks).toString("utf8")) as ApiObject;
}
