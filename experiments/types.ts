import type { LabSettings } from "../config/schema";
import type { ModuleName } from "../modules/index";
import type { CheckDetail } from "./check-detail";
import type { Probe } from "./probe";
import type { LabObject } from "./slices";

export type { Call, CheckDetail, Crossing, KillSpec, Outcome, Protection, Stage } from "./check-detail";
export type { Expectation, Probe, Sample, TokenSpec } from "./probe";

/** A lab that is up, as its stack describes it. */
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
  /** Module gateway-tls: the way in by HTTPS, such as "https://127.0.0.1:18443", and the file of the CA to trust for it. */
  tls?: { url: string; caFile: string };
  settings: LabSettings;
  /** Without MetalLB where the cluster has a load balancer of its own. */
  versions: { istio: string; gatewayApi: string; metallb?: string };
  /** Objects that decide about the lab's traffic, as the program declares them. */
  declared: readonly DeclaredObject[];
}

/** An object as the program declares it. */
export interface DeclaredObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec?: unknown;
}

/** A check with the good state as its name. A `gate` converges before any negative probe is sent. */
export type Check = { kind: "check"; name: string } & CheckDetail;
export type Step = Probe | Check;

/** A stop of the tour. It has the question of an experiment. */
export interface TourStop {
  id: string;
  title: string;
  /** Changes of the configuration before the proof. @default none */
  change?: Partial<
    Pick<
      LabSettings,
      "allowedCallers" | "allowedMethods" | "faultPercent" | "faultPath" | "closeBypass" | "modules" | "splitWeight"
    >
  >;
  /** A command of the lab that shows the effect. */
  watch?: string;
}

/** One question about the lab, with the requests and checks that answer it. */
export interface Experiment {
  id: string;
  /** The good state as a fact: the line that a reader sees. */
  title: string;
  question: string;
  /** The reason for the expectations. */
  why: string;
  /** Rows of the lab's story that it proves; empty for an experiment of a module. */
  rows: readonly number[];
  /** Module that it belongs to: it runs only in a lab with the module. */
  module?: ModuleName;
  /** Its stop of the tour. @default none; the stops of the story are in tour.ts */
  tour?: TourStop;
  /** Objects whose drift or ill health explains a failure, the most basic first. */
  objects: readonly LabObject[];
  /** Runs alone after all other experiments, because it counts exactly or changes the lab. */
  alone?: true;
  /** The reason why it does not apply to a lab. */
  skip?: (facts: LabFacts) => string | undefined;
  steps: (settings: LabSettings) => readonly Step[];
}
