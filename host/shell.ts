/**
 * A text as one word of a POSIX shell, for commands that users paste. Plain paths and names stay as they are.
 * @example `rm -rf ${shellWord("/home/ann lee/lab")}` is `rm -rf '/home/ann lee/lab'`
 */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : singleQuoted(text);
}

/** A text in single quotes, in which a POSIX shell expands nothing. */
const singleQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
