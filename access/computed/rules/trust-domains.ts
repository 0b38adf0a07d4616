import type { Mesh } from "../../types";

type TrustDomains = Pick<Mesh, "trustDomain" | "trustDomainAliases">;

/** The name that istiod reads as the trust domain of the mesh, whatever that is. */
const pointer = "cluster.local";

const domainsOf = ({ trustDomain, trustDomainAliases }: TrustDomains): string[] => [trustDomain, ...trustDomainAliases];

/**
 * The principals that a proxy has for those of a policy: each of the mesh's trust domain, one of its aliases or "cluster.local" means the
 * same identity in all of them (istio 1.31, pilot/pkg/security/trustdomain/bundle.go: ReplaceTrustDomainAliases). ztunnel's policies are
 * not expanded.
 */
export function withAliases(principals: readonly string[], mesh: TrustDomains): string[] {
  const domains = domainsOf(mesh);
  return principals.flatMap((principal) => {
    const [domain = "", ...rest] = principal.split("/");
    if (rest.length !== 4 || domain === "*") return [principal];
    if (domain !== pointer && !domains.some((each) => alike(domain, each))) return [principal];
    return [...new Set(domains.map((each) => (endsLike(each, domain) ? principal : [each, ...rest].join("/"))))];
  });
}

/** The trust domains that a proxy has for those of a policy (ExpandTrustDomainAliases). */
export function expandedDomains(values: readonly string[], mesh: TrustDomains): string[] {
  const domains = domainsOf(mesh);
  return [...new Set(values.flatMap((value) => (domains.includes(value) ? domains : [value])))];
}

/** pilot/pkg/security/trustdomain/util.go: the wildcard may be in either text. */
const alike = (a: string, b: string): boolean =>
  a === b || b === "*" || beginsLike(a, b) || beginsLike(b, a) || endsLike(a, b) || endsLike(b, a);

const beginsLike = (text: string, pattern: string): boolean =>
  pattern.endsWith("*") && text.startsWith(pattern.slice(0, -1));

const endsLike = (text: string, pattern: string): boolean => pattern.startsWith("*") && text.endsWith(pattern.slice(1));
