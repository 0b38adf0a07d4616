import type { Finding } from "./report/schema";

/** Whether a state was good and then bad in consecutive attempts. */
export const flaps = (looks: readonly boolean[]): boolean =>
  looks.includes(true) && looks.indexOf(true) < looks.lastIndexOf(false);

/** The finding about a flapping state, from the finding of its last miss. */
export const flapping = (miss: Finding, looks: readonly boolean[]): Finding => ({
  ...miss,
  flapping: true,
  seen: `flapping: good, then not (${looks.filter(Boolean).length} of ${looks.length} looks good); at the last miss: ${miss.seen}`,
});
