import type { Artifacts } from "../artifacts/fetch";
import type { ImageGroup } from "../components/images";
import { istioDaemonsOf, istioImagesOf, proxyImageOf } from "../config/image-names";
import type { LabConfig } from "../config/schema";
import { moduleImagesOf } from "../modules/index";
import type { HostFacts } from "../preflight/host";

/** Names of the lab's charts and manifests, without those that an existing cluster already has. */
export function artifactNames(config: LabConfig, host: Partial<HostFacts>): string[] {
  const gatewayApi = host.gatewayApi ? [] : ["gateway-api"];
  const metallb = hasMetalLb(config) ? ["metallb"] : [];
  return ["base", "istiod", "cni", "ztunnel", ...gatewayApi, ...metallb, ...config.addons];
}

/** Whether the lab installs MetalLB. */
export function hasMetalLb({ cluster, addressRange }: LabConfig): boolean {
  return cluster === "kind" || addressRange !== undefined;
}

/**
 * Third-party images by the part that runs them, in groups that are loaded into the nodes together. Addons and modules are
 * loaded after the proxies: unpacking uses all processors, and the mesh needs time to become ready. MetalLB has its own group,
 * because its probes wait ten seconds, and the gateway waits for its address.
 */
export function imageGroups(
  { istioVersion, addons, modules }: Pick<LabConfig, "istioVersion" | "addons" | "modules">,
  artifacts: Artifacts,
): Record<string, ImageGroup> {
  const proxy = proxyImageOf(istioVersion);
  const manifests = (...names: readonly string[]) => ({
    images: names.flatMap((name) => artifacts.images(name)),
    daemons: names.flatMap((name) => artifacts.daemons(name)),
  });
  return {
    metallb: manifests("metallb"),
    mesh: {
      images: istioImagesOf(istioVersion).filter((ref) => ref !== proxy),
      daemons: istioDaemonsOf(istioVersion),
    },
    proxies: { images: [proxy], after: "mesh" },
    addons: { ...manifests(...addons), after: "proxies" },
    modules: { images: moduleImagesOf(modules, istioVersion), after: "proxies" },
  };
}
