import { wildcardOf } from "../../../verify/declared/authorization";

/** True, false, or not known for a reason. */
export type Truth = boolean | Unclear;

/** The reason why a truth is not known, as a clause without a full stop. */
interface Unclear {
  readonly unclear: string;
}

export const unclear = (reason: string): Unclear => ({ unclear: reason });

/** The reason why something is not known; undefined when it is known. */
export const reasonOf = (truth: Truth): string | undefined => (typeof truth === "boolean" ? undefined : truth.unclear);

/** Whether all hold; true of none. */
export function allOf(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.find((truth) => truth !== true) ?? true;
}

/** Whether one of them holds; false of none. */
export function anyOf(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.find((truth) => truth !== false) ?? false;
}

export const opposite = (truth: Truth): Truth => (typeof truth === "boolean" ? !truth : truth);

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
