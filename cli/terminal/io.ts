import type { Fetcher } from "../../artifacts/download";
import type { LabFacts } from "../../experiments/types";
import type { Exec } from "../../host/exec";
import type { Clock } from "../../verify/eventually";
import type { ClusterClient, LabClient } from "../../verify/lab-client";
import type { OpenEngine } from "../engine/types";

/** Where text goes. */
interface Sink {
  write(text: string): unknown;
}

/** Whether stderr gets colours. */
export const isColoured = ({ live, env }: Pick<Io, "live" | "env">): boolean => live && !env.NO_COLOR;

/** All that the commands touch outside of themselves; a test hands over its own. */
export interface Io {
  /** The result: text or JSON. */
  stdout: Sink;
  /** The progress and the problems. */
  stderr: Sink;
  /** Whether a program reads stdout. */
  piped: boolean;
  /** Whether stderr is a terminal that can redraw a line. */
  live: boolean;
  /** Width of that terminal. */
  columns: number;
  /** Asks a yes/no question; absent without a terminal. */
  confirm?: (question: string) => Promise<boolean>;
  env: NodeJS.ProcessEnv;
  /** The checkout: where Pulumi.yaml lies. */
  root: string;
  exec: Exec;
  /** Downloads an address, or reads a file of a bundle. */
  fetcher: Fetcher;
  openEngine: OpenEngine;
  /** The cluster of a lab, as the verifier sees it. */
  openLabClient(facts: LabFacts): Promise<LabClient>;
  /** Any cluster, for the requests of `prove`, `reach` and `audit`. */
  openCluster(address: Pick<LabFacts, "kubeconfig" | "context">): Promise<ClusterClient>;
  /** Shows an address in the browser; absent where there is none to show it. */
  openBrowser?: (url: string) => Promise<void>;
  /** The time that all waiting uses. */
  clock: Clock;
  /** Aborted when the user or the system ends the command. */
  signal: AbortSignal;
  /** A signal for work that has to follow after `signal` was aborted. The next interrupt aborts it. */
  nextSignal(): AbortSignal;
}
