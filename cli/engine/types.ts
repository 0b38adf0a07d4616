import type { EngineEvent } from "@pulumi/pulumi/automation/events";
import type { Exec } from "../../host/exec";

/** How one engine operation is followed. */
export interface OperationOptions {
  /** Receives every event of the engine. */
  onEvent: (event: EngineEvent) => void;
  /** Ends the operation in an orderly way: the engine finishes what it has begun. */
  signal: AbortSignal;
}

/** A resource as the engine's state holds it. */
export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** Something that a killed engine had begun. */
export interface PendingOperation {
  type: string;
  resource: StateResource;
}

/** The part of an exported state that the lab reads. */
export interface StackState {
  resources: readonly StateResource[];
  pending: readonly PendingOperation[];
}

/** One line of the backend's list of stacks. */
export interface StackSummary {
  name: string;
  lastUpdate?: string;
  resourceCount?: number;
}

/** What is previewed, and how. */
interface PreviewOptions extends OperationOptions {
  /** Property by property. */
  diff?: boolean;
  /** Folder of a policy pack. */
  policyPack?: string;
  /** File of settings in place of the stack's own. */
  configFile?: string;
}

/** One stack on the real engine. The state's passphrase and backend come from the environment, as for plain `pulumi`. */
export interface Engine {
  /** All stacks of this project in the backend. */
  list(): Promise<StackSummary[]>;
  /** Makes the stack without selecting it; its settings file gets its encryption salt. */
  create(): Promise<void>;
  /** Makes the stack the selected one, so that a plain `pulumi preview` means it. */
  select(): Promise<void>;
  up(options: OperationOptions): Promise<void>;
  /** @returns what the engine itself prints, with property diffs when `diff` is set */
  preview(options: PreviewOptions): Promise<string>;
  destroy(options: OperationOptions): Promise<void>;
  /**
   * Takes the stack's lock and gives it back, which proves that no other engine held it. The engine drops its record of
   * unfinished updates and deletions meanwhile, and keeps that of unfinished creations (pulumi/pulumi v3.259.0,
   * pkg/backend/journal.go).
   * @throws ConcurrentUpdateError of the Automation API while another engine holds it
   */
  takeLock(options: OperationOptions): Promise<void>;
  /** Reads the state back from the world and forgets creations that were never finished. */
  refresh(options: OperationOptions): Promise<void>;
  /** Forgets unfinished operations without asking any provider: the way when the cluster is gone. */
  forgetPending(): Promise<void>;
  state(): Promise<StackState>;
  outputs(stack?: string): Promise<Record<string, unknown>>;
  /** Removes the stack from the backend; its settings file stays. */
  remove(options?: { force?: boolean }): Promise<void>;
}

/** What it takes to reach an {@link Engine}. */
export interface EngineOptions {
  stack: string;
  /** The checkout: where Pulumi.yaml lies. */
  root: string;
  /** Path of the pulumi program. */
  pulumi: string;
  /** Variables added to those of this process. */
  env: Record<string, string>;
  exec: Exec;
}

export type OpenEngine = (options: EngineOptions) => Promise<Engine>;
