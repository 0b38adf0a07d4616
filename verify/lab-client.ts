/** A Kubernetes object as the API server returns it; its fields are read through `json.ts`. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: {
    name?: string;
    namespace?: string;
    uid?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    resourceVersion?: string;
    managedFields?: readonly unknown[];
  };
  spec?: unknown;
  status?: unknown;
}

/** Reference to an object. */
export interface ObjectRef {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
}

/** Reference to a container of a pod. */
export interface PodRef {
  namespace: string;
  name: string;
  container: string;
}

/** Result of a command in a pod. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
  /** The bytes of `stdout`, for commands whose output is not text. */
  bytes?: Uint8Array;
}

/** An answer over HTTP. */
export interface HttpAnswer {
  status: number;
  /** Header names are in lower case. */
  headers: Readonly<Record<string, string>>;
  body: string;
  seconds: number;
}

interface GatewayRequest {
  method: string;
  path: string;
  host: string;
  headers: Readonly<Record<string, string>>;
  /** Use HTTPS and trust the lab's CA only. */
  tls?: boolean;
  timeoutMs: number;
}

/** A completed TLS handshake with the gateway. */
export interface Handshake {
  /** Why the client does not trust the certificate, such as "CERT_HAS_EXPIRED"; absent when it does. */
  distrust?: string;
  /** DNS names of the certificate. */
  names: readonly string[];
  issuer: string;
  /** Milliseconds since the epoch. */
  notBefore: number;
  notAfter: number;
  /** The certificate, DER in base64. */
  der: string;
}

/** One operation of a JSON patch (RFC 6902). */
export interface PatchOperation {
  op: "add" | "remove" | "replace" | "test";
  path: string;
  value?: unknown;
}

/** A node that is a container of this machine. */
interface NodeContainer {
  running: boolean;
  /** When it was started last, in milliseconds since the epoch, to the second. */
  startedAt: number;
}

/** Reads a cluster. */
export interface ClusterReader {
  /** One object; undefined when it, or its kind, does not exist. */
  read(ref: ObjectRef, signal: AbortSignal): Promise<KubeObject | undefined>;
  /** Objects of a kind; empty when the kind does not exist. */
  list(
    what: { apiVersion: string; kind: string; namespace?: string; labels?: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<KubeObject[]>;
  /**
   * Lines of the current log file of a container since a time by the clock of the node, each with its time stamp; older lines may be
   * included. Without a time only the last line.
   */
  logs(pod: PodRef, since: string | undefined, signal: AbortSignal): Promise<string[]>;
  /** Lines of the log file before the current one, in the same form. */
  rotatedLogs(pod: PodRef, signal: AbortSignal): Promise<string[]>;
  /** Milliseconds since the epoch by the API server's clock. */
  serverTime(signal: AbortSignal): Promise<number>;
}

/** Access to a cluster in which pods of the lab's own send requests. Tests use a cluster in memory. */
export interface ClusterClient extends ClusterReader {
  /** Creates an object, and returns it as the API server has it. */
  create(object: KubeObject, signal: AbortSignal): Promise<KubeObject>;
  /** Deletes a pod at once. It is no error when there is none. */
  deletePod(pod: Pick<PodRef, "namespace" | "name">, signal: AbortSignal): Promise<void>;
  /** The whole log of a container. */
  output(pod: PodRef, signal: AbortSignal): Promise<string>;
}

/** Access of the verifier to a lab. Tests use a lab in memory. */
export interface LabClient extends ClusterReader {
  /** Runs a command in a container. */
  exec(pod: PodRef, command: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<CommandResult>;
  /** GET on a port of a pod, loopback ports included. */
  podGet(pod: PodRef, port: number, path: string, signal: AbortSignal): Promise<HttpAnswer>;
  /** A request from this machine through the gateway, on a new connection. */
  gateway(request: GatewayRequest, signal: AbortSignal): Promise<HttpAnswer>;
  /**
   * A TLS handshake from this machine with the gateway, also with an untrusted certificate.
   * @param trusting the CA of the lab, or the CAs of this machine
   */
  handshake(host: string, trusting: "lab" | "public", signal: AbortSignal): Promise<Handshake>;
  /** Values of kernel settings on a node. */
  sysctls(node: string, names: readonly string[], signal: AbortSignal): Promise<Record<string, number>>;
  /** Applies a JSON patch under the verifier's field manager. */
  patch(ref: ObjectRef, operations: readonly PatchOperation[], signal: AbortSignal): Promise<KubeObject>;
  /** Deletes the pod with this UID, with a grace period of one second; a new pod of the same name is not deleted. */
  killPod(pod: Pick<PodRef, "namespace" | "name"> & { uid: string }, signal: AbortSignal): Promise<void>;
  /** The container behind a node of the lab's own kind cluster. */
  nodeContainer(node: string, signal: AbortSignal): Promise<NodeContainer>;
  /** Kills, or starts, the container behind a node of the lab's own kind cluster. */
  power(node: string, action: "kill" | "start", signal: AbortSignal): Promise<void>;
}
