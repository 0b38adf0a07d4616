import type { Artifacts } from "../artifacts/fetch";
import type { ImageGroup } from "../components/images";
import { istioDaemonsOf, istioImagesOf, proxyImageOf } from "../config/image-names";
import type { LabConfig } from "../config/schema";
import { moduleImagesOf } from "../modules/index";
import type { HostFacts } from "../preflight/host";

/** Charts and manifests that a lab is made of; what an existing cluster has already is not among them. */
export function artifactNames(config: LabConfig, host: Partial<HostFacts>): string[] {
  const gatewayApi = host.gatewayApi ? [] : ["gateway-api"];
  const metallb = hasMetalLb(config) ? ["metallb"] : [];
  return ["base", "istiod", "cni", "ztunnel", ...gatewayApi, ...metallb, ...config.addons];
}

/** Whether the lab brings the load balancer. */
export function hasMetalLb({ cluster, addressRange }: LabConfig): boolean {
  return cluster === "kind" || addressRange !== undefined;
}

/**
 * Third-party images by the part that runs them, as they are loaded into the nodes of kind. MetalLB's are no part of the
 * mesh's: its own probes wait ten seconds, and the gateway waits for its address. What the mesh does not install waits for
 * its images: unpacking takes all processors, and the mesh needs a while to get ready once it has its own.
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
