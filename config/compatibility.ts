import semver from "semver";
import type { Problem } from "../host/errors";
import { istioMinorOf, istioMinors, nodeImages } from "./versions";

/** Versions that are to work together. What is not known is not judged. */
export interface Combination {
  /** Istio that is to be installed; a version that the configuration accepted. */
  istio: string;
  /** Kubernetes of the cluster, such as "1.36.1" or "v1.33.4-eks-1a2b3c". */
  kubernetes?: string;
  /** Istio that runs there now. */
  installed?: string;
  /** Gateway API bundle that the lab did not install. */
  gatewayApi?: { version: string; channel: string };
}

/** Why versions do not fit together, each problem with the table of those that do. */
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

/** Newest patch of the minor after a version's; undefined when the lab does not take that minor. */
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
  const table = [["Istio", "Kubernetes", "Gateway API"], ...rows];
  const widths = [0, 1].map((column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
  const lines = table.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  return ["These are known to work together:", ...lines.map((line) => `  ${line.trimEnd()}`)].join("\n");
}

/** The newest node image that the lab names and a version of Istio supports. */
export function nodeImageFor(istio: string): string {
  const kubernetes = istioMinorOf(istio)?.kubernetes ?? "*";
  const found = nodeImages.find((image) => semver.satisfies(kubernetesOf(image) ?? "0.0.0", kubernetes));
  if (!found) throw new RangeError(`No node image for Istio ${istio} is known`);
  return found;
}

/** The Kubernetes version in the tag of a kind node image; undefined when the tag does not tell. */
export function kubernetesOf(nodeImage: string): string | undefined {
  return /:v?(\d+\.\d+\.\d+)[^/]*$/.exec(nodeImage)?.[1];
}

/** Minors from one version up to another; negative on the way back. Another major is further than any minor. */
function stepBetween(from: string, to: string): number {
  const [a, b] = [semver.parse(from), semver.parse(to)];
  if (!a || !b) return 0;
  return a.major === b.major ? b.minor - a.minor : (b.major - a.major) * Number.POSITIVE_INFINITY;
}
