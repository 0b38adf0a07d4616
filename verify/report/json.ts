import { redacted } from "./redact";
import type { VerifyReport } from "./schema";

/** The report as versioned JSON; field `schema` names the version. */
export const renderJson = (report: VerifyReport): string => `${redacted(JSON.stringify(report, null, 2))}\n`;
