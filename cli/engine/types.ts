import type { EngineEvent } from "@pulumi/pulumi/automation/events";
import type { Exec } from "../../host/exec";

/** Options of every operation of the engine. */
export interface OperationOptions {
  /** Receives every event of the engine. */
  onEvent: (event: EngineEvent) => void;
  /** Stops the operation: the engine finishes the started steps, and begins no other. */
  signal: AbortSignal;
}

/** A resource in the engine's state. */
export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** An operation that a killed engine did not finish. */
export interface PendingOperation {
  type: string;
  resource: StateResource;
}

/** The parts of an exported state that the lab reads. */
export interface StackState {
  resources: readonly StateResource[];
  pending: readonly PendingOperation[];
}

/** A stack in the backend's list. */
export interface StackSummary {
  name: string;
  lastUpdate?: string;
  resourceCount?: number;
}

/** Options of a preview. */
interface PreviewOptions extends OperationOptions {
  /** Whether the output contains the diff of each property. */
  diff?: boolean;
  /** Folder of a policy pack. */
  policyPack?: string;
  /** Settings file that replaces the stack's own. */
  configFile?: string;
}

/** A stack on the Pulumi engine. Passphrase and backend come from the environment, as for plain `pulumi`. */
export interface Engine {
  /** All stacks of this project in the backend. */
  list(): Promise<StackSummary[]>;
  /** Creates the stack without selecting it. Its settings file gets its encryption salt. */
  create(): Promise<void>;
  /** Selects the stack in the user's workspace. */
  select(): Promise<void>;
  up(options: OperationOptions): Promise<void>;
  /** @returns the output of the engine */
  preview(options: PreviewOptions): Promise<string>;
  destroy(options: OperationOptions): Promise<void>;
  /**
   * Takes the stack's lock and releases it, which proves that no other engine held it. The engine thereby drops its record of
   * unfinished updates and deletions, and keeps that of unfinished creations (pulumi/pulumi v3.259.0, pkg/backend/journal.go).
   * @throws ConcurrentUpdateError of the Automation API while another engine holds it
   */
  takeLock(options: OperationOptions): Promise<void>;
  /** Reads all resources from their providers, and drops the record of unfinished creations. */
  refresh(options: OperationOptions): Promise<void>;
  /** Drops the record of unfinished operations without a provider, for a lost cluster. */
  forgetPending(): Promise<void>;
  state(): Promise<StackState>;
  outputs(stack?: string): Promise<Record<string, unknown>>;
  /** Removes the stack from the backend; its settings file stays. */
  remove(options?: { force?: boolean }): Promise<void>;
}

/** Options of {@link OpenEngine}. */
export interface EngineOptions {
  stack: string;
  /** Folder of Pulumi.yaml. */
  root: string;
  /** Path of the pulumi program. */
  pulumi: string;
  /** Variables added to those of this process. */
  env: Record<string, string>;
  exec: Exec;
}

export type OpenEngine = (options: EngineOptions) => Promise<Engine>;
