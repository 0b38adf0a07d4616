import type { Fetcher } from "../../artifacts/download";
import type { LabFacts } from "../../experiments/types";
import type { Exec } from "../../host/exec";
import type { Clock } from "../../verify/eventually";
import type { ClusterClient, LabClient } from "../../verify/lab-client";
import type { OpenEngine } from "../engine/types";

/** An output stream. */
interface Sink {
  write(text: string): unknown;
}

/** Whether progress and problems on stderr are coloured. */
export const isColoured = ({ live, env }: Pick<Io, "live" | "env">): boolean => live && !env.NO_COLOR;

/** Whether the result on stdout is coloured: not in a file, which programs and editors read. */
export const isColouredOutput = (io: Pick<Io, "live" | "env" | "stdout">): boolean =>
  isColoured(io) && Reflect.get(io.stdout, "isTTY") === true;

/** Everything that the commands use outside of themselves; tests replace it. */
export interface Io {
  /** Receives the result: text or JSON. */
  stdout: Sink;
  /** Receives progress and problems. */
  stderr: Sink;
  /** Whether stdout is not a terminal. */
  piped: boolean;
  /** Whether stderr is a terminal that can redraw a line. */
  live: boolean;
  /** Width of the terminal. */
  columns: number;
  /** Asks a yes/no question; absent without a terminal. */
  confirm?: (question: string) => Promise<boolean>;
  env: NodeJS.ProcessEnv;
  /** The checkout: where Pulumi.yaml lies. */
  root: string;
  exec: Exec;
  /** Folder of the claims of ports (host/port-claims.ts). */
  claimFolder: string;
  /** Downloads a URL, or reads a file of a bundle. */
  fetcher: Fetcher;
  openEngine: OpenEngine;
  /** Opens a client of the verifier for the cluster of a lab. */
  openLabClient(facts: LabFacts): Promise<LabClient>;
  /** Opens a client for any cluster, for `prove`, `reach` and `audit`. */
  openCluster(address: Pick<LabFacts, "kubeconfig" | "context">): Promise<ClusterClient>;
  /** Opens a URL in the browser; absent without a desktop. */
  openBrowser?: (url: string) => Promise<void>;
  /** Clock for all waiting. */
  clock: Clock;
  /** Aborted when the user or the system ends the command. */
  signal: AbortSignal;
  /** A signal for cleanup after `signal` was aborted. The next interrupt aborts it. */
  nextSignal(): AbortSignal;
}
