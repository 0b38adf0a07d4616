import { UsageError } from "../../host/errors";
import type { Io } from "./io";

/** The user did not agree, and nothing was changed. */
export class ConsentDeniedError extends UsageError {}

/** Texts of the problem when consent is missing. */
interface ConsentTexts {
  /** What, after the user has answered no. */
  denied: string;
  /** What, without a terminal. */
  needed: string;
  fix: string;
}

/**
 * Asks the user a question that must be answered with yes.
 * @throws ConsentDeniedError (exit code 2) without consent
 */
export async function requireConsent(
  { confirm }: Pick<Io, "confirm">,
  question: string,
  { denied, needed, fix }: ConsentTexts,
): Promise<void> {
  if (await confirm?.(question)) return;
  throw new ConsentDeniedError(
    confirm
      ? { what: denied, why: "You did not agree", fix }
      : { what: needed, why: "Without a terminal the lab cannot ask", fix },
  );
}
