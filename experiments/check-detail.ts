import type { Method } from "../config/vocabulary";
import type { Bound, KillTarget } from "../modules/chaos/objects";
import type { Probe, Sample } from "./probe";
import type { AppName, Client, LabObject, ServiceName } from "./slices";

/** A part of a proxy's configuration. */
export type ConfigPart = "filters" | "rules" | "routes" | "endpoints";

/** Kinds of checks with their parameters. `verify/checks` implements them. */
export type CheckDetail =
  | { check: "nodes" }
  | { check: "clock"; toleranceSeconds: number }
  | { check: "sysctls"; atLeast: Readonly<Record<string, number>> }
  | { check: "rollouts"; objects: readonly LabObject[] }
  | { check: "istio-version"; objects: readonly LabObject[] }
  | {
      check: "condition";
      object: LabObject;
      type: string;
      /** @default "True" */
      status?: "True" | "False";
      messageIncludes?: string;
    }
  | {
      check: "same-spec";
      /** Pairs of objects of one kind, which differ in names only. */
      pairs: readonly (readonly [LabObject, LabObject])[];
    }
  | { check: "address"; pool: LabObject; advertisement: LabObject }
  | { check: "bundle"; channel: "standard"; classes: readonly string[] }
  | { check: "enrolment"; hbone: readonly string[]; plain: readonly string[] }
  | { check: "waypoint-attached" }
  | { check: "hbone"; sample: Sample }
  | { check: "certificates"; accounts: readonly string[] }
  | { check: "no-others" }
  | { check: "counted"; sample: Sample; denied: boolean }
  | ({ check: "share"; delay: string } & ShareOf)
  | { check: "never-slow"; sample: Sample; delay: string }
  | {
      check: "proxy-config";
      /** Service whose chain at its waypoint is compared, the gateway, or the chains of the story's waypoint. */
      of: ServiceName | "gateway" | "waypoint";
      /** Parts that are compared. @default all */
      parts?: readonly ConfigPart[];
      gate?: true;
    }
  | { check: "pod-policies"; app: AppName; gate: true }
  | ({ check: "split" } & ShareOf)
  | { check: "mirrored"; sample: Sample; copied: boolean }
  | {
      check: "outcome";
      sample: Sample;
      status: number;
      /** Flags in the waypoint's log, such as "FI" of an Envoy or "Timeout" of an agentgateway; "-" for none. */
      flags: string;
      /** Number of times that the application receives each request. */
      attempts: number;
      /** Minimum and maximum duration of each request, in milliseconds. */
      between?: readonly [number, number];
    }
  | { check: "limited"; sample: Sample; burst: number; perSecond: number }
  | {
      check: "bypasses-waypoint";
      /** Requests that bypass all waypoints. */
      sample: Sample;
      /** Requests to the same application that pass the waypoint. */
      control: Sample;
    }
  | { check: "grpc-calls"; service: ServiceName; calls: readonly Call[]; served: string }
  | {
      check: "capture";
      /** Number of times that each request is sent. */
      count: number;
    }
  | {
      check: "chaos";
      method: Method;
      path: string;
      kills: readonly KillSpec[];
    }
  | {
      check: "tls-certificate";
      host: string;
      /** Secret of the certificate. */
      secret: LabObject;
      /** Least number of days until its expiry. */
      leastDays: number;
    }
  /** The gateway refuses the TLS handshake for a name. */
  | { check: "tls-refused"; host: string }
  | { check: "sidecar-refuses" }
  | { check: "crossings"; crossings: readonly Crossing[] }
  /** What each way through the mesh adds to latency, CPU and memory. */
  | { check: "cost" }
  | { check: "flip" }
  | { check: "fail-open"; stages: readonly Stage[] }
  | { check: "prometheus"; families: readonly { name: string; query: string }[] }
  | { check: "grafana"; dashboard: string }
  | { check: "kiali"; edgeTo: string }
  | { check: "jaeger"; service: "waypoint" | "gateway-istio"; upstream: string };

/** A share of equal requests. The percentage determines the number of requests. */
interface ShareOf {
  requests: Omit<Sample, "count">;
  percent: number;
  /** Probability that a healthy lab fails. */
  falseAlarm: number;
}

/** The expected result of every request of a sample. */
export type Outcome = Pick<Extract<CheckDetail, { check: "outcome" }>, "status" | "flags" | "attempts" | "between">;

/** A gRPC call, and its expected status. */
export interface Call {
  /** The expected state, as a statement. */
  name: string;
  from: Exclude<Client, "host">;
  /** Such as "/grpc.health.v1.Health/Check". Its request is an empty message. */
  method: string;
  /** Status of gRPC: 0 OK, 7 permission denied. */
  code: 0 | 7;
}

/** A request between a pod in the ambient mesh, one with a sidecar, and one outside the mesh. */
export interface Crossing {
  /** The expected state, as a statement. */
  name: string;
  from: Exclude<Client, "host">;
  service: ServiceName;
  /** Whether the application answers; otherwise the client gets no answer, or 503 of its own sidecar. */
  answered: boolean;
  /** Layer that decides. */
  layer: "app" | "waypoint" | "ztunnel" | "sidecar";
  /** Whether the waypoint of the Service, and the sidecar of the server, have a record of the request. */
  records: Readonly<Partial<Record<"waypoint" | "sidecar", boolean>>>;
}

/** A kill, and the bounds of its effects. */
export interface KillSpec {
  victim: KillTarget;
  bound: Bound;
}

/** A protection of appb that a check may remove for a few seconds. */
export type Protection = "policy" | "waypoint";

/** One stage of a check that changes the lab: the change, and the requests after it. */
export interface Stage {
  name: string;
  /** Protection that is removed first. */
  takes?: Protection;
  /** Protection that is restored first. */
  returns?: Protection;
  probes: readonly Probe[];
}
