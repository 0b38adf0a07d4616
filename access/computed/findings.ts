import { actionOf, isDryRun } from "../../verify/declared/authorization";
import { textAt } from "../../verify/json";
import type { Mesh } from "../types";
import { policiesAtZtunnel } from "./findings/at-ztunnel";
import { type ConfigurationFinding, findingIds } from "./findings/finding";
import { annotateCommand, editCommand, patchCommand } from "./findings/fixes";
import { plainText } from "./findings/plain-text";
import { unboundPolicies } from "./findings/unbound";
import { foreignWaypoints, skippedWaypoints, unguardedRoutes, waysAround } from "./findings/ways-in";
import { meshConfigOf } from "./objects/mesh-config";
import { objectsOf, titleOf } from "./objects/mesh-objects";

export type { ConfigurationFinding, FindingId } from "./findings/finding";

/**
 * Weaknesses of the configuration, the most severe first, then by object. A finding that depends on objects that
 * could not be read is left out.
 */
export function findings(mesh: Mesh): ConfigurationFinding[] {
  const all = [
    ...policiesAtZtunnel(mesh),
    ...unboundPolicies(mesh),
    ...unknownProviders(mesh),
    ...foreignWaypoints(mesh),
    ...skippedWaypoints(mesh),
    ...waysAround(mesh),
    ...unguardedRoutes(mesh),
    ...plainText(mesh),
    ...dryRuns(mesh),
  ];
  const weight = ({ id }: ConfigurationFinding) => findingIds.indexOf(id);
  const text = ({ object, what }: ConfigurationFinding) => `${object} ${what}`;
  return all.sort((a, b) => weight(a) - weight(b) || (text(a) < text(b) ? -1 : 1));
}

/** CUSTOM policies whose provider the MeshConfig lacks: istiod denies the requests that their rules match. */
function unknownProviders(mesh: Mesh): ConfigurationFinding[] {
  const { providers } = meshConfigOf(mesh);
  if (providers === undefined) return [];
  return objectsOf(mesh, "AuthorizationPolicy")
    .filter((policy) => actionOf(policy) === "CUSTOM")
    .flatMap((policy) => {
      const name = textAt(policy, "spec", "provider", "name") ?? "";
      if (providers.includes(name)) return [];
      const [only, ...more] = providers;
      return [
        {
          id: "unknown-provider" as const,
          object: titleOf(policy),
          what: `its provider ${name} is not among the extensionProviders of the MeshConfig${providers.length > 0 ? ` (${providers.join(", ")})` : ""}`,
          why: "istiod cannot ask such a provider, and denies every request that the rules match",
          fix:
            only !== undefined && more.length === 0
              ? patchCommand(policy, { spec: { provider: { name: only } } })
              : editCommand({ kind: "ConfigMap", metadata: { name: "istio", namespace: mesh.rootNamespace } }),
        },
      ];
    });
}

const dryRuns = (mesh: Mesh): ConfigurationFinding[] =>
  objectsOf(mesh, "AuthorizationPolicy")
    .filter(isDryRun)
    .map((policy) => ({
      id: "dry-run",
      object: titleOf(policy),
      what: `this ${actionOf(policy)} policy is a dry run`,
      why: "proxies count what it would refuse, and refuse nothing",
      fix: annotateCommand(policy, "istio.io/dry-run-"),
    }));
