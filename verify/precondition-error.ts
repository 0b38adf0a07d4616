import type { Layer } from "../config/vocabulary";

/** Something stands in the way of a check, and a layer is to blame for it. */
export class PreconditionError extends Error {
  readonly layer: Layer;
  /** `fail` when the lab lacks what it should have; `inconclusive` when it cannot be seen. */
  readonly verdict: "fail" | "inconclusive";

  constructor(layer: Layer, message: string, options: { verdict?: "fail" | "inconclusive"; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "PreconditionError";
    this.layer = layer;
    this.verdict = options.verdict ?? "fail";
  }
}
