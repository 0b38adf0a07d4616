import type { LabObject } from "./objects";

/** HTTP methods that the lab's policy can allow. */
export const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export type Method = (typeof methods)[number];

/** Callers that the lab's policy can name. */
export type Caller = "appa" | "gateway" | "stranger";

/** Dashboards that a lab can have. */
export type Addon = "prometheus" | "grafana" | "jaeger" | "kiali";

/** Experiments beyond the story. A lab has those that its stack names. */
export const moduleNames = ["fail-open", "l4-l7", "traffic-split", "resilience"] as const;
export type ModuleName = (typeof moduleNames)[number];

/** What the lab's configuration asks for; every expectation follows it. */
export interface LabSettings {
  workers: number;
  domain: string;
  allowedCallers: readonly Caller[];
  allowedMethods: readonly string[];
  faultEnabled: boolean;
  faultPath: string;
  /** Duration with its unit, such as "2s" or "500ms". */
  faultDelay: string;
  faultPercent: number;
  closeBypass: boolean;
  addons: readonly Addon[];
  modules: readonly ModuleName[];
  /** Module traffic-split: share of the requests that the second version of appb gets, 0 to 100. */
  splitWeight: number;
}

/** A living lab, as its stack describes it. */
export interface LabFacts {
  stack: string;
  cluster: "kind" | "existing";
  /** Name of the kind cluster, such as "ambient-lab-dev". */
  clusterName?: string;
  /** Path of the kubeconfig file. */
  kubeconfig: string;
  context: string;
  /** Reach of the gateway from this machine, such as "http://127.0.0.1:8080". */
  url: string;
  settings: LabSettings;
  /** Without MetalLB where the cluster has a load balancer of its own. */
  versions: { istio: string; gatewayApi: string; metallb?: string };
}

/** Parts of the lab that decide the fate of a request, or fail to. */
export type Layer =
  | "client"
  | "api-server"
  | "nodes"
  | "load-balancer"
  | "gateway-api"
  | "istiod"
  | "istio-cni"
  | "ztunnel"
  | "gateway"
  | "waypoint"
  | "app"
  | "prometheus"
  | "grafana"
  | "jaeger"
  | "kiali";

/** Workloads that answer requests; pods of each bear its name in the label `app`. */
export type AppName = "appb" | "appb-v2" | "appc" | "appd";

/** Services of the lab that requests go to. */
export type ServiceName = "appb" | "appb-split" | "appb-resilience" | "appb-limited" | "appc" | "appc-l7" | "appd";

/** Where a request starts. `host` is this machine, through the gateway's published port. */
export type Client = "appa" | "stranger" | "outsider" | "host";

/** The fate that a request must meet, and who decides it. */
export type Expectation =
  | {
      fate: "answered";
      /** Proxies that must have a record of the request. */
      through: readonly ("gateway" | "waypoint")[];
    }
  | { fate: "refused"; by: "waypoint" | "gateway"; status: 403 | 404; policy?: LabObject }
  | { fate: "reset"; by: "ztunnel"; policy: LabObject };

/** One request and its fate. */
export interface Probe {
  kind: "probe";
  /** The good state as a fact. */
  name: string;
  from: Client;
  /** `service` is the Service and port 8000, `pod` the address of a pod behind it and port 8080, `gateway` the lab's URL. */
  to: "service" | "pod" | "gateway";
  /** @default "appb" */
  service?: ServiceName;
  method: Method;
  path: string;
  /** Host header for the gateway. @default appb.DOMAIN */
  host?: string;
  expect: Expectation;
}

/** A sample of requests that are sent side by side. */
export interface Sample {
  from: Client;
  method: Method;
  path: string;
  count: number;
  /** Service that a pod asks; this machine asks the gateway. @default "appb" */
  service?: ServiceName;
  headers?: Readonly<Record<string, string>>;
}

/** What is read from the cluster instead of asked by one request; `verify/checks` has one file for each. */
export type CheckDetail =
  | { check: "nodes" }
  | { check: "clock"; toleranceSeconds: number }
  | { check: "sysctls"; atLeast: Readonly<Record<string, number>> }
  | { check: "rollouts"; objects: readonly LabObject[] }
  | { check: "istio-version"; objects: readonly LabObject[] }
  | { check: "condition"; object: LabObject; type: string; messageIncludes?: string }
  | { check: "address"; pool: LabObject; advertisement: LabObject }
  | { check: "bundle"; channel: "standard"; classes: readonly string[] }
  | { check: "enrolment"; hbone: readonly string[]; plain: readonly string[] }
  | { check: "waypoint-attached" }
  | { check: "hbone"; sample: Sample }
  | { check: "certificates"; accounts: readonly string[] }
  | { check: "waypoint-config" }
  | { check: "gateway-config" }
  | { check: "l7-policy"; gate: true }
  | { check: "l4-policy"; gate: true }
  | { check: "fault-config"; gate: true }
  | { check: "counted"; sample: Sample; denied: boolean }
  | { check: "share"; sample: Sample; percent: number; delay: string; falseAlarm: number }
  | { check: "never-slow"; sample: Sample; delay: string }
  | { check: "front"; service: ServiceName; wanted: readonly string[]; gate: true }
  | { check: "pod-policies"; app: AppName; policies: readonly string[]; gate: true }
  | { check: "split"; sample: Sample; percent: number; falseAlarm: number }
  | { check: "mirrored"; sample: Sample; copied: boolean }
  | {
      check: "outcome";
      sample: Sample;
      status: number;
      /** Response flags in the waypoint's log, such as "FI"; "-" for none. */
      flags: string;
      /** How often the application gets each request. */
      attempts: number;
      /** How long each request takes at least and at most, in milliseconds. */
      between?: readonly [number, number];
    }
  | { check: "limited"; sample: Sample; burst: number; perSecond: number }
  | { check: "flip" }
  | { check: "fail-open"; acts: readonly Act[] }
  | { check: "prometheus"; families: readonly { name: string; anyOf: readonly string[] }[] }
  | { check: "grafana"; dashboard: string }
  | { check: "kiali"; edgeTo: string }
  | { check: "jaeger"; service: "waypoint" | "gateway-istio"; upstream: string };

/** A guard of appb that a check may take away for a few seconds. */
export type Guard = "policy" | "waypoint";

/** One scene of a check that changes the lab: what is done, and the fates that requests meet then. */
export interface Act {
  name: string;
  /** Guard that is taken away first. */
  takes?: Guard;
  /** Guard that is put back first. */
  returns?: Guard;
  probes: readonly Probe[];
}

/** A check with the good state as its name. A `gate` converges before any negative probe is sent. */
export type Check = { kind: "check"; name: string } & CheckDetail;
export type Step = Probe | Check;

/** One question about the lab, with all that is sent and demanded to answer it. */
export interface Experiment {
  id: string;
  /** The good state as a fact: the line that a reader sees. */
  title: string;
  question: string;
  /** The physics behind the expectations. */
  why: string;
  /** Rows of the lab's story that it proves; empty for an experiment of a module. */
  rows: readonly number[];
  /** It belongs to a module: a lab that does not have the module is not asked. */
  module?: ModuleName;
  /** Objects whose drift or ill health explains a failure, the most basic first. */
  objects: readonly LabObject[];
  /** Runs after all others and by itself, because it counts exactly or changes the lab. */
  alone?: true;
  /** The reason why a lab cannot be asked this. */
  skip?: (facts: LabFacts) => string | undefined;
  steps: (settings: LabSettings) => readonly Step[];
}
