import type { VerifyContext } from "../context";
import type { Finding } from "../report/schema";
import type { Changeable } from "../restore/change";
import { restore } from "../restore/restore";
import { unexpected } from "./check";

/**
 * Runs steps that change the lab, and restores the objects in any case. An error becomes a finding, in addition to those of the restore
 * and of the steps before it, so that a failed restore is reported as well.
 *
 * @param name name of the finding about an error
 * @param restored the objects in the order of their restore, with the names of the findings about it
 * @param steps adds its findings to the list
 * @throws the reason of an interruption, after the restore
 */
export async function whileChanged(
  context: VerifyContext,
  name: string,
  restored: readonly (readonly [object: Changeable, name: string])[],
  steps: (findings: Finding[]) => Promise<void>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    await steps(findings);
  } catch (error) {
    findings.push(unexpected(name, error));
  }
  for (const [object, called] of restored) findings.push(await restore(context, object, called));
  context.signal.throwIfAborted();
  return findings;
}
