import { printable, userinfo } from "../../host/printable";

const leftOut = "[left out]";

/** Headers whose whole value is a secret. A value may contain spaces. */
const headers = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];
/** Fields and options whose value is a secret; those of a kubeconfig and of a Secret for TLS among them. */
const fields = [
  ...["password", "passwd", "passphrase", "token", "api-key", "apikey", "api_key", "client_secret", "client-secret"],
  ...["access_token", "refresh_token", "id_token", "client-key-data", "client-certificate-data", "tls.key"],
];

/** Name and separator in a header, in YAML, in JSON, or in JSON within JSON. */
const named = (names: readonly string[]) =>
  `(?<![\\w.-])(?:${names.join("|").replaceAll(".", "\\.")})["'\\\\]*\\s*[:=]\\s*`;
const anyName = named([...headers, ...fields]);

const patterns: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z0-9 ]+-----(?:(?!-----BEGIN)[\s\S])*?-----END [A-Z0-9 ]+-----/g, leftOut],
  // A truncated block: lines of base64 after its first line, or before its last line.
  [/-----BEGIN [A-Z0-9 ]+-----(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{16,})*(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]+)?/g, leftOut],
  [
    /(?<![\w+/=])(?:[A-Za-z0-9+/=]{16,}(?:\s|\\[nr])+){0,99}[A-Za-z0-9+/=]*(?:\s|\\[nr])*-----END [A-Z0-9 ]+-----/g,
    leftOut,
  ],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, leftOut],
  [/\b(bearer\s+)(?=[\w.~+/-]*\d|[\w.~+/-]{20})[\w.~+/-]{6,}=*/gi, `$1${leftOut}`],
  [userinfo, `${leftOut}@`],
  [/(\b\w*_proxy["'\\]*\s*[:=]\s*["'\\]*)(?![a-z]+:\/\/)[^\s/@"'\\]+@/gi, `$1${leftOut}@`],
  // A list of values, a value in quotes, and one without.
  [new RegExp(`(${anyName}\\[)(?!\\[?left out\\])[^\\]\\n]*`, "gi"), `$1${leftOut}`],
  [new RegExp(`(${anyName}\\\\*["'])[^"'\\\\\\n]*`, "gi"), `$1${leftOut}`],
  [new RegExp(`(${named(headers)})(?!\\[)[^"'\\\\\\s][^"'\\\\\\n]*`, "gi"), `$1${leftOut}`],
  [new RegExp(`(${named(fields)})(?!\\[)[^"'\\\\\\s,;&]+`, "gi"), `$1${leftOut}`],
];

/**
 * A text without certificates, keys, tokens, cookies, passwords and the user part of URLs. For documents use {@link presentable}, which
 * redacts each string, so that a truncated value does not affect the next one.
 */
export const redacted = (text: string): string =>
  patterns.reduce((clean, [pattern, instead]) => clean.replaceAll(pattern, instead), text);

const secretNames: ReadonlySet<string> = new Set([...headers, ...fields]);

/** A copy of a value whose strings are redacted and printable; whole values of fields with the name of a secret are left out. */
export function presentable<T>(value: T): T {
  return copy(value) as T;
}

function copy(value: unknown): unknown {
  if (typeof value === "string") return printable(redacted(value));
  if (Array.isArray(value)) return value.map(copy);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.map(([key, item]) => [
      key,
      typeof item !== "boolean" && secretNames.has(key.toLowerCase()) ? leftOut : copy(item),
    ]),
  );
}
