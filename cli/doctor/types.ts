import type { Problem } from "../../host/errors";

/** What doctor found about one property of the machine. `fail` stops `up`, `warn` does not. */
export type Finding = { id: string; title: string } & (
  | ({ status: "ok"; what: string } & Partial<Problem>)
  | ({ status: "warn" | "fail" } & Problem)
);
