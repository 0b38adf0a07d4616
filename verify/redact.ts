const patterns: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----/g, "[left out]"],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, "[left out]"],
  [/(\b(?:authorization|cookie|set-cookie)["'\\]*\s*[:=]\s*["'\\]*)[^"'\\\n]+/gi, "$1[left out]"],
];

/** Text without certificates, keys, tokens and cookies. */
export const redacted = (text: string): string =>
  patterns.reduce((clean, [pattern, instead]) => clean.replaceAll(pattern, instead), text);
