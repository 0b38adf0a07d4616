import type { Finding } from "./report/schema";

/** Whether a state was good, and then not, at consecutive looks. */
export const flaps = (looks: readonly boolean[]): boolean =>
  looks.includes(true) && looks.indexOf(true) < looks.lastIndexOf(false);

/** The finding about a state that flaps, from what was found at its last miss. */
export const flapping = (miss: Finding, looks: readonly boolean[]): Finding => ({
  ...miss,
  flapping: true,
  seen: `flapping: good, then not (${looks.filter(Boolean).length} of ${looks.length} looks good); at the last miss: ${miss.seen}`,
});
