/**
 * A text as one word of a POSIX shell, for commands that users paste: in single quotes unless it needs none.
 * @example `rm -rf ${shellWord("/home/ann lee/lab")}` is `rm -rf '/home/ann lee/lab'`
 */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
