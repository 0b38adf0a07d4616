import { stripVTControlCharacters } from "node:util";

/** Control characters but newline and tab, halves of surrogate pairs, noncharacters, and changes of the text's direction. */
const unprintable = /(?![\n\t])[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069\uFFFE\uFFFF]/gu;

/**
 * Text from outside without the characters that could change what a terminal or a document shows. Terminal sequences are
 * removed; each other character that is not printable becomes U+FFFD.
 */
export const printable = (text: string): string =>
  stripVTControlCharacters(text.replaceAll("\r\n", "\n")).replace(unprintable, "\uFFFD");

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour
const colour = /(\u001b\[[\d;]*m)/;

/** {@link printable}, for text that has been coloured: SGR sequences stay. */
export const printableColours = (text: string): string =>
  text
    .split(colour)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join("");

/**
 * The user part of each URL in a text (RFC 3986, section 3.2.1): up to the last "@" before the path, since people write
 * passwords with an "@" as they are. A URL may stand in JSON or in quotes.
 */
export const userinfo = /(?<=\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'\\]*@/gi;
