import type { Layer } from "../config/vocabulary";

/** A check cannot be made, because of a layer. */
export class PreconditionError extends Error {
  readonly layer: Layer;
  /** `fail` when the lab lacks something that it should have; `inconclusive` when its state cannot be observed. */
  readonly verdict: "fail" | "inconclusive";

  constructor(layer: Layer, message: string, options: { verdict?: "fail" | "inconclusive"; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "PreconditionError";
    this.layer = layer;
    this.verdict = options.verdict ?? "fail";
  }
}

/** A {@link PreconditionError} about a state that cannot be observed. */
export const unobservable = (layer: Layer, message: string, cause?: unknown): PreconditionError =>
  new PreconditionError(layer, message, { verdict: "inconclusive", cause });
