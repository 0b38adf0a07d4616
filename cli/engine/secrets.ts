/** Signature of a secret in a state (pulumi/pulumi, sdk/go/common/resource/sig). */
const mark = "4dabf18193072939515e22adb298388d";
const secret = "1b47061264138c4ac30d75fd1eb44270";

/** A value of the state with its secrets in plain text; undefined when one of them is encrypted. */
export function withPlainSecrets(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(withPlainSecrets);
    return items.includes(undefined) ? undefined : items;
  }
  if (typeof value !== "object" || value === null) return value;
  if (Reflect.get(value, mark) === secret) {
    const text: unknown = Reflect.get(value, "plaintext");
    return typeof text === "string" ? withPlainSecrets(JSON.parse(text)) : undefined;
  }
  const entries = Object.entries(value).map(([key, item]) => [key, withPlainSecrets(item)] as const);
  return entries.some(([, item]) => item === undefined) ? undefined : Object.fromEntries(entries);
}
