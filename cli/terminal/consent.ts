import { ExitCode, LabError } from "../../host/errors";
import { shellWord } from "../../host/shell";
import type { CommonOptions, Session } from "../stack/session";

/** The user did not agree, and nothing was changed. */
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
      what: io.confirm ? "Nothing was changed" : `A change of ${where} needs consent`,
      why: io.confirm ? "You did not agree" : "Without a terminal the lab cannot ask",
      fix: `npm run up -- --stack ${stack} ${pairs}--yes`,
    },
    { exitCode: ExitCode.usage },
  );
}
