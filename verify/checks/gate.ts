import type { Layer } from "../../config/vocabulary";
import { converging, type VerifyContext } from "../context";
import { DeadlineError, eventually } from "../eventually";
import { PreconditionError } from "../precondition-error";
import type { Finding } from "../report/schema";
import { failed, passed, unclear } from "./check";

/** The configuration of a layer lacks a change. */
class MissingChangeError extends Error {}

/**
 * Waits until the configuration of a layer has a change. Requests that must be refused are sent only once, after this gate.
 * The deadline is twice that of other states, because old connections have to drain as well.
 *
 * @param look returns the missing part as text, or undefined when the layer has the change
 * @returns fail when the last configuration lacked the change; inconclusive when it could not be read
 */
export async function gate(
  context: Pick<VerifyContext, "timings" | "signal" | "clock">,
  name: string,
  layer: Layer,
  look: () => Promise<string | undefined>,
): Promise<Finding> {
  const applied = async () => {
    const miss = await look();
    if (miss) throw new MissingChangeError(miss);
  };
  try {
    await eventually(applied, { ...converging(context, name), deadlineMs: 2 * context.timings.convergeMs });
    return passed(name, layer, `found in the configuration of the ${layer}`);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    const expected = "the change within seconds";
    // istiod configures the proxies.
    if (error.cause instanceof MissingChangeError) return failed(name, "istiod", error.message, { expected });
    if (error.cause instanceof PreconditionError) {
      const judged = error.cause.verdict === "fail" ? failed : unclear;
      return judged(name, error.cause.layer, error.message, { expected });
    }
    return unclear(name, "client", error.message, { expected });
  }
}
