import { ExitCode, LabError } from "../../host/errors";
import { shellWord } from "../../host/shell";
import type { CommonOptions, Session } from "../stack/session";

/** Nobody agreed, and nothing was made. */
export class ConsentDeniedError extends LabError {}

/**
 * Asks for consent to a change of the lab.
 * @throws ConsentDeniedError (exit code 2) without it
 */
export async function consentToChange(
  { io, config, stack }: Session,
  options: Pick<CommonOptions, "config"> & { yes?: boolean },
): Promise<void> {
  if (options.yes) return;
  const where =
    config.cluster === "existing" ? `context "${config.context}" of ${config.kubeconfig}` : `stack "${stack}"`;
  if (await io.confirm?.(`Apply this to ${where}?`)) return;
  const pairs = (options.config ?? []).map((pair) => `--config ${shellWord(pair)} `).join("");
  throw new ConsentDeniedError(
    {
      what: io.confirm ? "Nothing was changed" : `Nobody was there to agree to a change of ${where}`,
      why: io.confirm
        ? "You did not agree"
        : "Without a terminal the lab asks no questions, and this change wants an answer",
      fix: `npm run up -- --stack ${stack} ${pairs}--yes`,
    },
    { exitCode: ExitCode.usage },
  );
}
