import semver from "semver";
import type { Problem } from "../host/errors";
import { tableLines } from "../host/table";
import { istioMinorOf, istioMinors, nodeImages } from "./versions";

/** Versions that must work together. Absent ones are not checked. */
export interface Combination {
  /** Version of Istio to install; the configuration has accepted it. */
  istio: string;
  /** Kubernetes of the cluster, such as "1.36.1" or "v1.33.4-eks-1a2b3c". */
  kubernetes?: string;
  /** Version of Istio that runs now. */
  installed?: string;
  /** Gateway API bundle that the lab did not install. */
  gatewayApi?: { version: string; channel: string };
}

/**
 * Problems of a combination of versions.
 * @throws RangeError for a version of Istio that the lab does not support
 */
export function versionProblems({ istio, kubernetes, installed, gatewayApi }: Combination): Problem[] {
  const row = istioMinorOf(istio);
  if (!row) throw new RangeError(`No combination with Istio ${istio} is known`);
  const problems: Problem[] = [];
  const cluster = semver.coerce(kubernetes);
  if (cluster && !semver.satisfies(cluster, row.kubernetes)) {
    problems.push({
      what: `Istio ${istio} does not support Kubernetes ${cluster}`,
      why: supportTable(),
      fix: `npm run lab -- config set nodeImage ${nodeImageFor(istio)}   (or, on a cluster of yours, set istioVersion to one that fits)`,
    });
  }
  if (gatewayApi && !semver.satisfies(semver.coerce(gatewayApi.version) ?? "0.0.0", row.gatewayApiRange)) {
    problems.push({
      what: `Istio ${istio} does not go with the Gateway API ${gatewayApi.version} that this cluster has`,
      why: supportTable(),
      fix: "Change the Gateway API bundle with the tool that installed it, or: npm run lab -- config set istioVersion VERSION",
    });
  }
  if (gatewayApi && gatewayApi.channel !== "standard") {
    problems.push({
      what: `The Gateway API ${gatewayApi.version} that this cluster has is of the channel "${gatewayApi.channel}"`,
      why: "The lab proves itself on the standard channel, and does not replace what it did not install",
      fix: "npm run lab -- config set context NAME   (a cluster with the standard channel, or without the Gateway API)",
    });
  }
  const step = installed ? stepBetween(installed, istio) : 0;
  if (installed && step > 1) problems.push(tooFar(installed, istio));
  if (installed && step < 0) problems.push(goesBack(installed, istio));
  return problems;
}

const anew = "remake the lab: npm run destroy && npm run up";

const tooFar = (installed: string, istio: string): Problem => ({
  what: `Istio ${installed} cannot become ${istio} in one step: more than one minor lies between them`,
  why: "Control plane and data plane of Istio work together across one minor, and while an upgrade runs both versions do",
  fix: nextOf(installed)
    ? `npm run lab -- config set istioVersion ${nextOf(installed)}   (and up, minor by minor), or ${anew}`
    : anew,
});

/** Newest patch of the next minor; undefined when the lab does not support that minor. */
const nextOf = (installed: string): string | undefined =>
  istioMinors.find(({ minor }) => minor === `${semver.major(installed)}.${semver.minor(installed) + 1}`)?.newest;

const goesBack = (installed: string, istio: string): Problem => ({
  what: `Istio ${installed} cannot become ${istio}, which is an older minor`,
  why: "istiod would be older than the ztunnels that it configures for a while, and definitions that are in use would go",
  fix: `npm run lab -- config set istioVersion ${installed}   (or another patch of it), or ${anew}`,
});

/** The table of supported combinations, a line each. */
export function supportTable(): string {
  const rows = istioMinors.map(({ minor, from, kubernetes, gatewayApi, gatewayApiRange }) => [
    `${minor} (from ${from})`,
    kubernetes,
    `${gatewayApi} (there already: ${gatewayApiRange})`,
  ]);
  const lines = tableLines([["Istio", "Kubernetes", "Gateway API"], ...rows]);
  return ["These are known to work together:", ...lines.map((line) => `  ${line}`)].join("\n");
}

/** The newest node image of {@link nodeImages} that a version of Istio supports. */
export function nodeImageFor(istio: string): string {
  const kubernetes = istioMinorOf(istio)?.kubernetes ?? "*";
  const found = nodeImages.find((image) => semver.satisfies(kubernetesOf(image) ?? "0.0.0", kubernetes));
  if (!found) throw new RangeError(`No node image for Istio ${istio} is known`);
  return found;
}

/** The Kubernetes version in the tag of a kind node image; undefined when the tag has none. */
export function kubernetesOf(nodeImage: string): string | undefined {
  return /:v?(\d+\.\d+\.\d+)[^/]*$/.exec(nodeImage)?.[1];
}

/** Number of minors between two versions; negative for a downgrade, infinite between majors. */
function stepBetween(from: string, to: string): number {
  const [a, b] = [semver.parse(from), semver.parse(to)];
  if (!a || !b) return 0;
  return a.major === b.major ? b.minor - a.minor : (b.major - a.major) * Number.POSITIVE_INFINITY;
}
