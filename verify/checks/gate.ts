import type { Layer } from "../../experiments/types";
import type { Bench } from "../bench";
import { DeadlineError, eventually } from "../eventually";
import { Obstacle } from "../obstacle";
import type { Finding } from "../report";
import { failed, passed } from "./check";

/**
 * Waits until a layer knows of a change, as its own configuration shows: only then is a refusal sent, which is never sent
 * twice. `look` throws while it does not know, in words that complete "waited for …".
 */
export async function gate(bench: Bench, name: string, layer: Layer, look: () => Promise<void>): Promise<Finding> {
  const { convergeMs, intervalMs, streak } = bench.timings;
  try {
    await eventually(look, {
      ...{ what: name, deadlineMs: convergeMs, intervalMs, streak },
      ...{ signal: bench.signal, clock: bench.clock },
    });
    return passed(name, layer, `as the ${layer}'s own configuration says`);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    const unseen = error.cause instanceof Obstacle && error.cause.verdict === "inconclusive";
    // It is istiod that tells the proxies.
    const finding = failed(name, unseen ? layer : "istiod", error.message, { expected: "the change within seconds" });
    return unseen ? { ...finding, verdict: "inconclusive" } : finding;
  }
}
