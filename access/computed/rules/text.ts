import { wildcardOf } from "../../../verify/declared/authorization";

/** Whether a text that is there fits a value with Istio's wildcards. A presence needs at least one character. */
export function fits(text: string, value: string): boolean {
  const { how, text: part } = wildcardOf(value);
  if (how === "presence") return text !== "";
  if (how === "prefix") return text.startsWith(part);
  if (how === "suffix") return text.endsWith(part);
  return text === part;
}

/** The same in any case, as hosts are compared. */
export const fitsInAnyCase = (text: string, value: string): boolean => fits(text.toLowerCase(), value.toLowerCase());
