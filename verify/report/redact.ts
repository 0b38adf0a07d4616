const patterns: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----/g, "[left out]"],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, "[left out]"],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, "$1[left out]@"],
  [/(\b(?:authorization|cookie|set-cookie)["'\\]*\s*[:=]\s*["'\\]*)[^"'\\\n]+/gi, "$1[left out]"],
];

/** Text without certificates, keys, tokens, cookies and the names and passwords of URLs. */
export const redacted = (text: string): string =>
  patterns.reduce((clean, [pattern, instead]) => clean.replaceAll(pattern, instead), text);
