import { presentable } from "./redact";
import type { VerifyReport } from "./schema";

/** The report as versioned JSON; field `schema` names the version. */
export const renderJson = (report: VerifyReport): string => `${JSON.stringify(presentable(report), null, 2)}\n`;
