import { quoted } from "../../../verify/declared/authorization";
import type { PathNormalization } from "../objects/mesh-config";

/**
 * A request's path as Envoy normalises it before it applies policies and routes (istio 1.31, pilot/pkg/networking/core/listener_builder.go:
 * `normalize_path`, `merge_slashes` and `path_with_escaped_slashes_action` by the MeshConfig's `pathNormalization`).
 */
export function normalPath(path: string, normalization: PathNormalization): string | { readonly unclear: string } {
  const bare = path.split(/[?#]/)[0] ?? "";
  if (normalization === "NONE") return bare;
  const odd = normalization === "unread" && /\/\/|%2f|%5c/i.test(bare);
  if (odd) return { unclear: `the path ${path} depends on pathNormalization of the MeshConfig, which was not read` };
  const unescaped = normalization === "DECODE_AND_MERGE_SLASHES" ? bare.replace(/%2f|%5c/gi, "/") : bare;
  // Envoy's library decodes dots and leaves other escapes to the application, in ways that depend on its version.
  if (/%(?!2f|5c|2e)[0-9a-f]{2}/i.test(unescaped))
    return { unclear: `the path ${path} has escaped characters, which Envoy's version decides about` };
  const plain = unescaped.replaceAll("\\", "/").replace(/%2e/gi, ".");
  const merged = normalization.includes("MERGE_SLASHES") ? plain.replace(/\/{2,}/g, "/") : plain;
  return withoutDots(merged);
}

/**
 * Why a proxy cannot parse a request with this path; undefined when it can. Envoy answers 400 before it has read path and headers
 * (envoy, source/common/http/http1/balsa_parser.cc: isUrlValid), so that its access line names neither.
 */
export const malformedTarget = (path: string): string | undefined =>
  path.startsWith("/")
    ? undefined
    : `the path ${path} does not begin with "/": a proxy answers 400 before it applies policies, and its access line does not name the request`;

/** RFC 3986, section 5.2.4: "." is nothing, ".." is one segment less. */
function withoutDots(path: string): string {
  const segments = path.split("/").slice(1);
  const kept: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
    if (last && (segment === "." || segment === "..")) kept.push("");
  }
  return `/${kept.join("/")}`;
}

/** Whether a value of `paths` is a template (pkg/config/security/security.go: ContainsPathTemplate). */
export const isTemplate = (value: string): boolean => /\{\*{1,2}\}/.test(value);

/** Path characters that Envoy's globs match (source/extensions/path/uri_template_lib/uri_template_internal.cc). */
const pathCharacters = "a-zA-Z0-9\\-._~%!$&'()+,;:@=";

/** Whether a path fits a template: {*} is one segment, {**} any number of characters with slashes. */
export function fitsTemplate(path: string, template: string): boolean {
  const pattern = template
    .split(/(\{\*\*\}|\{\*\}|\*\*|\*)/)
    .map((part) => {
      if (part === "{**}" || part === "**") return `[${pathCharacters}/]*`;
      if (part === "{*}" || part === "*") return `[${pathCharacters}]+`;
      return quoted(part);
    })
    .join("");
  return new RegExp(`^${pattern}$`).test(path);
}
