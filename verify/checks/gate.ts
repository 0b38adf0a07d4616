import type { Layer } from "../../config/vocabulary";
import type { VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import { PreconditionError } from "../precondition-error";
import type { Finding } from "../report/schema";
import { failed, passed, unclear } from "./check";

/** A layer shows that it does not know of a change yet. */
class Unaware extends Error {}

/**
 * Waits until a layer knows of a change, as its own configuration shows: only then is a refusal sent, which is never sent
 * twice. `look` returns the missing part as text, or undefined when the layer has the change. Old
 * connections have to drain meanwhile, so that there is twice the time that anything else may take to converge.
 *
 * @returns a failure when the last look showed a layer that does not know; what could not be looked at proves neither
 */
export async function gate(
  context: Pick<VerifyContext, "timings" | "signal" | "clock">,
  name: string,
  layer: Layer,
  look: () => Promise<string | undefined>,
): Promise<Finding> {
  const { convergeMs, intervalMs, streak } = context.timings;
  const aware = async () => {
    const miss = await look();
    if (miss) throw new Unaware(miss);
  };
  try {
    await eventually(aware, {
      ...{ what: name, deadlineMs: 2 * convergeMs, intervalMs, streak },
      ...{ signal: context.signal, clock: context.clock },
    });
    return passed(name, layer, `as the ${layer}'s own configuration says`);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    const expected = "the change within seconds";
    // istiod sends the proxies their configuration.
    if (error.cause instanceof Unaware) return failed(name, "istiod", error.message, { expected });
    if (error.cause instanceof PreconditionError) {
      const judged = error.cause.verdict === "fail" ? failed : unclear;
      return judged(name, error.cause.layer, error.message, { expected });
    }
    return unclear(name, "client", error.message, { expected });
  }
}
