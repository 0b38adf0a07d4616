import { labelKeys } from "../../config/vocabulary";
import { entriesAt, listAt, numberAt, parsedJson, textAt } from "../../verify/json";
import type { KubeObject } from "../../verify/lab-client";
import { hostPort } from "../../verify/pods";
import { type CurlAnswer, headerArguments, measurementsOf, methodArguments } from "../../verify/probe/curl";
import { objectOf, objectsIn, textOf } from "../computed/objects/mesh-objects";
import type { AccessDecision, AccessRequest, Mesh, NamespacedName, Sender } from "../types";

/** Labels of probe pods. */
export const probeLabels = {
  managedBy: "app.kubernetes.io/managed-by",
  /** Run that made the pod. */
  run: "ambient-lab.dev/probe-run",
} as const;
export const manager = "ambient-lab";

/** Name of the only container of a probe pod. */
export const probeContainer = "probe";

/** Timeout of a request, in milliseconds. */
const requestMs = 5_000;

/** One request that a probe pod sends. */
export interface SentProbe {
  /** Id of the request in the logs of proxies; it is in the query of the path. */
  id: string;
  request: AccessRequest;
  /** The bearer token that it carries. */
  token?: string;
  /** The computed decision, which names the policy where log records do not. */
  computed: AccessDecision;
}

/** A pod that sends the requests of a sender one after another, and ends. */
export interface ProbePod {
  name: NamespacedName;
  sender: Sender;
  probes: readonly SentProbe[];
  object: KubeObject;
}

/** How probe pods are made. */
export interface PodOptions {
  /** Image that has curl. */
  image: string;
  /** Requests a second that a pod sends at most. */
  rate: number;
  run: string;
}

/** The pod of a sender. A client of a Gateway is a pod outside the mesh, in the Gateway's namespace. */
export function probePod(
  mesh: Mesh,
  sender: Sender,
  probes: readonly SentProbe[],
  index: number,
  options: PodOptions,
): ProbePod {
  const namespace = sender.kind === "gateway" ? sender.gateway.namespace : sender.namespace;
  const name = { namespace, name: `lab-probe-${options.run}-${index}` };
  const outside = sender.kind === "gateway" || !sender.inMesh;
  const seconds = Math.ceil((probes.length * requestMs) / 1000 + probes.length / options.rate) + 60;
  const object: KubeObject = {
    ...{ apiVersion: "v1", kind: "Pod" },
    metadata: {
      ...name,
      labels: {
        ...(sender.kind === "workload" ? keptLabels(mesh, sender) : {}),
        [probeLabels.managedBy]: manager,
        [probeLabels.run]: options.run,
        ...(outside ? { [labelKeys.dataplaneMode]: "none" } : { [labelKeys.dataplaneMode]: "ambient" }),
        "sidecar.istio.io/inject": "false",
      },
    },
    spec: {
      restartPolicy: "Never",
      activeDeadlineSeconds: seconds,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(sender.kind === "workload" ? { serviceAccountName: sender.serviceAccount } : {}),
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: probeContainer,
          image: options.image,
          imagePullPolicy: "IfNotPresent",
          command: curlCommand(mesh, probes, options.rate),
          resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
        },
      ],
    },
  };
  return { name, sender, probes, object };
}

/**
 * The labels of a sender, by which NetworkPolicies may select its pods; none if a Service selects them, so that a probe pod never becomes
 * an endpoint of a Service.
 */
function keptLabels(
  mesh: Mesh,
  { namespace, labels }: Extract<Sender, { kind: "workload" }>,
): Readonly<Record<string, string>> {
  const own = Object.fromEntries(Object.entries(labels).filter(([key]) => !isGenerated(key)));
  const selected = objectsIn(mesh, "Service", namespace).some((service) => {
    const selector = entriesAt(service, "spec", "selector");
    return selector.length > 0 && selector.every(([key, value]) => own[key] === value);
  });
  return selected ? {} : own;
}

/** Labels of controllers, which would adopt a pod that has them. */
const isGenerated = (key: string): boolean =>
  ["pod-template-hash", "controller-revision-hash", "pod-template-generation"].includes(key) ||
  /^(statefulset|batch|apps)\.kubernetes\.io\//.test(key) ||
  ["job-name", "controller-uid"].includes(key);

/** First source port, below the ephemeral ports (ip_local_port_range begins at 32768): each request has its own port in ztunnel's log. */
const firstPort = 20_000;
/** Further ports for curl when the first is in use. */
const spare = 2;

/** Prefix of the line that curl writes for a request. It must not begin with "@", which curl reads as the name of a file. */
const mark = "ambient-lab-probe ";

function curlCommand(mesh: Mesh, probes: readonly SentProbe[], rate: number): string[] {
  const operations = probes.map((probe, index) => [
    ...["--silent", "--output", "/dev/null", "--write-out", `${mark}%{json}\\n`],
    ...["--max-time", String(requestMs / 1000)],
    ...["--local-port", `${firstPort + index * (spare + 1)}-${firstPort + index * (spare + 1) + spare}`],
    ...requestArguments(mesh, probe),
  ]);
  const rest = operations.slice(1).flatMap((operation) => ["--next", ...operation]);
  return ["curl", "--rate", `${rate}/s`, ...(operations[0] ?? []), ...rest];
}

function requestArguments(mesh: Mesh, { id, request, token }: SentProbe): string[] {
  const { method, path, headers, host } = request;
  const address = addressOf(mesh, request);
  const target = `${path}${path.includes("?") ? "&" : "?"}probe=${id}`;
  return [
    ...methodArguments(method),
    ...headerArguments({ connection: "close", "x-request-id": id, ...headers }),
    ...headerArguments(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    // Connects to the Service, the pod or the Gateway, whatever the host of the URL.
    ...["--connect-to", `::${address}`],
    // Without proxies from the environment of the image. The path is an argument of its own, since curl refuses some characters in a URL.
    ...["--noproxy", "*", "--globoff", "--request-target", target],
    `http://${host}/?probe=${id}`,
  ];
}

/** `host:port` that a request is sent to. */
function addressOf(mesh: Mesh, { from, to }: AccessRequest): string {
  if (from.kind === "gateway") {
    const { name, port } = gatewayService(mesh, from.gateway);
    return `${name}.${from.gateway.namespace}.svc:${port}`;
  }
  if (to.kind === "service") return `${to.service.name}.${to.service.namespace}.svc:${to.port}`;
  const pod = objectOf(mesh, "Pod", to.pod);
  return hostPort(textAt(pod, "status", "podIP") ?? "", to.port);
}

/** The Service that istiod creates for a Gateway, by default named after the Gateway and its class. */
function gatewayService(mesh: Mesh, gateway: NamespacedName): { name: string; port: number } {
  const object = objectOf(mesh, "Gateway", gateway);
  const service = objectsIn(mesh, "Service", gateway.namespace).find(
    ({ metadata }) => metadata?.labels?.[labelKeys.gatewayName] === gateway.name,
  );
  const http = listAt(object, "spec", "listeners").find((each) => textAt(each, "protocol") === "HTTP");
  return { name: service?.metadata?.name ?? `${gateway.name}-istio`, port: numberAt(http, "port") ?? 80 };
}

/** The Host header of a client, with the port unless it is 80. */
export const hostHeader = (host: string, port: number): string => (port === 80 ? host : `${host}:${port}`);

/** The answer to a request, as curl measured it. */
export interface ProbeAnswer extends Pick<CurlAnswer, "status" | "seconds" | "local" | "error"> {
  /** Exit code of curl; 0 with an answer. */
  exit: number;
}

/** Reads the log of a probe pod: the answers by the ids of their requests. */
export function answersIn(output: string): ReadonlyMap<string, ProbeAnswer> {
  return new Map(
    output.split("\n").flatMap((line): [string, ProbeAnswer][] => {
      const start = line.indexOf(mark);
      const measured = start < 0 ? undefined : parsedJson(line.slice(start + mark.length));
      const id = /[?&]probe=([0-9a-f-]+)$/.exec(textAt(measured, "url") ?? "")?.[1];
      return id === undefined ? [] : [[id, { ...measurementsOf(measured), exit: numberAt(measured, "exitcode") ?? 0 }]];
    }),
  );
}

/** A sender as text. */
export const senderText = (sender: Sender): string =>
  sender.kind === "gateway"
    ? `a client of Gateway ${textOf(sender.gateway)}`
    : `${sender.namespace}/${sender.serviceAccount}${sender.inMesh ? "" : " outside the mesh"}`;
