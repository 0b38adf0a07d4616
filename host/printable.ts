import { stripVTControlCharacters } from "node:util";

/** Control characters except newline and tab, lone surrogates, noncharacters, and bidirectional controls. */
const unprintable = /(?![\n\t])[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069\uFFFE\uFFFF]/gu;

/**
 * Text from outside without characters that could change the output of a terminal or a document: terminal sequences are
 * removed, and every other unprintable character becomes U+FFFD.
 */
export const printable = (text: string): string =>
  stripVTControlCharacters(text.replaceAll("\r\n", "\n")).replace(unprintable, "\uFFFD");

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour
const colour = /(\u001b\[[\d;]*m)/;

/** {@link printable} for coloured text: SGR sequences stay. */
export const printableColours = (text: string): string =>
  text
    .split(colour)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join("");

/**
 * The userinfo of each URL in a text (RFC 3986, section 3.2.1): up to the last "@" before the path, since users do not
 * encode an "@" in a password. The URL may be in JSON or in quotes.
 */
export const userinfo = /(?<=\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'\\]*@/gi;
