/** True, false, or not known for a reason. */
export type Truth = boolean | Unclear;

/** What cannot be known, as a clause without a full stop. */
export interface Unclear {
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
