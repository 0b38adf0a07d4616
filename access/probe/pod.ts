import { labelKeys } from "../../config/vocabulary";
import { entriesAt } from "../../verify/json";
import type { KubeObject } from "../../verify/lab-client";
import { hostPort } from "../../verify/pods";
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

/** Longest time for one request, in milliseconds. */
const requestMs = 5_000;

/** One request that a probe pod sends. */
export interface SentProbe {
  /** By which the logs of proxies name the request: it is in the query of its path. */
  id: string;
  request: AccessRequest;
  /** The bearer token that it carries. */
  token?: string;
  /** What the configuration says: records that name no policy get its name from there. */
  computed: AccessDecision;
}

/** The pod that sends requests of one sender, one after another, and ends. */
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
 * The labels of a sender that NetworkPolicies may select by: all of them, unless a Service selects a pod that has them. A
 * probe pod never becomes an endpoint of a Service.
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

/** Labels that controllers write, by which they would take the pod for their own. */
const isGenerated = (key: string): boolean =>
  ["pod-template-hash", "controller-revision-hash", "pod-template-generation"].includes(key) ||
  /^(statefulset|batch|apps)\.kubernetes\.io\//.test(key) ||
  ["job-name", "controller-uid"].includes(key);

/** Ports that no kernel gives by itself (ip_local_port_range begins at 32768): each request has its own in ztunnel's log. */
const firstPort = 20_000;
/** Ports that curl may take where the first is in use. */
const spare = 2;

/** Begins the line that curl writes about a request. curl takes a format that begins with "@" for the name of a file. */
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
    // With --request HEAD curl would wait for a body that never comes.
    ...(method === "HEAD" ? ["--head"] : ["--request", method]),
    ...["--header", "connection: close", "--header", `x-request-id: ${id}`],
    ...Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]),
    ...(token === undefined ? [] : ["--header", `authorization: Bearer ${token}`]),
    // Every host of the request's URL is that of the Service, the pod or the Gateway.
    ...["--connect-to", `::${address}`],
    // No proxy of the image's environment, and the path as it is: curl refuses some characters in an address.
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
  const ip = Reflect.get(Object(pod?.status), "podIP");
  return hostPort(typeof ip === "string" ? ip : "", to.port);
}

/** The Service that istiod makes for a Gateway: it has the Gateway's name and, with the class behind it, the name of the class. */
function gatewayService(mesh: Mesh, gateway: NamespacedName): { name: string; port: number } {
  const object = objectOf(mesh, "Gateway", gateway);
  const service = objectsIn(mesh, "Service", gateway.namespace).find(
    ({ metadata }) => metadata?.labels?.[labelKeys.gatewayName] === gateway.name,
  );
  const listeners: unknown = Reflect.get(Object(object?.spec), "listeners");
  const http = (Array.isArray(listeners) ? listeners : []).find(
    (each) => Reflect.get(Object(each), "protocol") === "HTTP",
  );
  const port: unknown = Reflect.get(Object(http), "port");
  return {
    name: service?.metadata?.name ?? `${gateway.name}-istio`,
    port: typeof port === "number" ? port : 80,
  };
}

/** The Host header of a client: it has the port unless it is that of HTTP. */
export const hostHeader = (host: string, port: number): string => (port === 80 ? host : `${host}:${port}`);

/** What curl saw of one request. */
export interface ProbeAnswer {
  /** 0 when there was no answer. */
  status: number;
  seconds: number;
  /** curl's exit code; 0 when there was an answer. */
  exit: number;
  error?: string;
  /** Address and port of the client's end of the connection. */
  local?: string;
}

/** Reads the log of a probe pod: the answers by the ids of their requests. */
export function answersIn(output: string): ReadonlyMap<string, ProbeAnswer> {
  return new Map(
    output.split("\n").flatMap((line): [string, ProbeAnswer][] => {
      const start = line.indexOf(mark);
      const measured = start < 0 ? undefined : jsonOf(line.slice(start + mark.length));
      const id = /[?&]probe=([0-9a-f-]+)$/.exec(String(Reflect.get(Object(measured), "url") ?? ""))?.[1];
      return id === undefined ? [] : [[id, answerOf(Object(measured))]];
    }),
  );
}

function answerOf(measured: Record<string, unknown>): ProbeAnswer {
  const number = (key: string): number => (typeof measured[key] === "number" ? measured[key] : 0);
  const { errormsg, local_ip: ip } = measured;
  return {
    status: number("response_code"),
    seconds: number("time_total"),
    exit: number("exitcode"),
    ...(typeof errormsg === "string" ? { error: errormsg } : {}),
    ...(typeof ip === "string" && ip !== "" ? { local: hostPort(ip, number("local_port")) } : {}),
  };
}

/** A line that is cut off, as where the pod was ended, is no answer. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A sender in words. */
export const senderText = (sender: Sender): string =>
  sender.kind === "gateway"
    ? `a client of Gateway ${textOf(sender.gateway)}`
    : `${sender.namespace}/${sender.serviceAccount}${sender.inMesh ? "" : " outside the mesh"}`;
