import { parse } from "yaml";
import { at, listAt, textAt } from "../../../verify/json";
import type { KubeObject } from "../../../verify/lab-client";
import type { Mesh } from "../../types";
import { objectsOf } from "./mesh-objects";

/** Values of `pathNormalization.normalization`; "unread" when the MeshConfig is not among the objects. */
export type PathNormalization = "NONE" | "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES" | "unread";

/** The settings of the MeshConfig that affect decisions. */
export interface MeshConfig {
  pathNormalization: PathNormalization;
  /** Names of the extension providers; undefined when the MeshConfig was not read. */
  providers?: readonly string[];
}

const normalizations = ["NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"] as const;

const configs = new WeakMap<Mesh, MeshConfig>();

/** The MeshConfig, from the ConfigMap "istio" of the root namespace, or "istio-REVISION" when it is the only one. */
export function meshConfigOf(mesh: Mesh): MeshConfig {
  const known = configs.get(mesh);
  if (known) return known;
  const made = read(mesh);
  configs.set(mesh, made);
  return made;
}

function read(mesh: Mesh): MeshConfig {
  const maps = objectsOf(mesh, "ConfigMap").filter(
    ({ metadata }) => metadata?.namespace === mesh.rootNamespace && /^istio(-|$)/.test(metadata.name ?? ""),
  );
  const own = maps.find(({ metadata }) => metadata?.name === "istio") ?? (maps.length === 1 ? maps[0] : undefined);
  const text = textAt(own, "data", "mesh");
  if (text === undefined) return { pathNormalization: "unread" };
  const config: unknown = parse(text);
  const said = textAt(config, "pathNormalization", "normalization");
  return {
    // DEFAULT is BASE (pilot/pkg/networking/core/listener_builder.go).
    pathNormalization: normalizations.find((each) => each === said) ?? "BASE",
    providers: listAt(config, "extensionProviders").flatMap((each) => textAt(each, "name") ?? []),
  };
}

/** Settings of istiod that change which policies apply, with the values that decisions are computed for. */
const settings: Readonly<Record<string, string>> = {
  ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY: "true",
  ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES: "false",
  PILOT_AUTO_ALLOW_WAYPOINT_POLICY: "false",
  ENABLE_INGRESS_WAYPOINT_ROUTING: "true",
};

/** The reason why istiod binds policies in another way than by default; undefined when it does not. */
export function unusualSetting(mesh: Mesh): string | undefined {
  const found = objectsOf(mesh, "Deployment")
    .filter((each) => isIstiod(each, mesh))
    .flatMap((each) => listAt(each, "spec", "template", "spec", "containers"))
    .flatMap((container) => listAt(container, "env"))
    .find((variable) => {
      const usual = settings[textAt(variable, "name") ?? ""];
      return usual !== undefined && at(variable, "value") !== usual;
    });
  return found === undefined
    ? undefined
    : `istiod runs with ${textAt(found, "name")}=${textAt(found, "value")}, which changes how policies bind`;
}

const isIstiod = ({ metadata }: KubeObject, { rootNamespace }: Mesh): boolean =>
  metadata?.namespace === rootNamespace && /^istiod(-|$)/.test(metadata.name ?? "");
