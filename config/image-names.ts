import { imageDigests, versions } from "./versions";

/** Registry and organisation of Istio's images: the charts' own default host is gone (istio.io, retirement of GCP hosts). */
export const istioHub = "docker.io/istio";

/** Registries of the bill's images, with their URLs. */
export const registries = {
  "docker.io": "https://registry-1.docker.io",
  "quay.io": "https://quay.io",
  "ghcr.io": "https://ghcr.io",
  "registry.k8s.io": "https://registry.k8s.io",
} as const;

/** Reads `imageMirrors`, items of the form "registry=URL", into URLs by registry. */
export const mirrorsOf = (imageMirrors: readonly string[]): ReadonlyMap<string, string> =>
  new Map(imageMirrors.map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]));

/** Image of the registries' caches: `imageCache`. */
export const cacheImage = `docker.io/library/registry:${versions.registry}@${imageDigests.registry}`;

/** Image of the pods that send the requests of `prove`, `reach` and `audit` in a cluster without the lab's own image. */
export const probeImage = `docker.io/curlimages/curl:${versions.curl}@${imageDigests.curl}`;

/** Reference of an Istio image; the profile "ambient" runs the distroless variants. */
export const istioImage = (name: string, istio: string): string => `${istioHub}/${name}:${istio}-distroless`;

/** Images that the pods of Istio's charts run. Every other image is named by a manifest: artifacts/fetch.ts reads it there. */
export const istioImagesOf = (istio: string): string[] =>
  ["pilot", "install-cni", "ztunnel", "proxyv2"].map((name) => istioImage(name, istio));

/** Images of {@link istioImagesOf} that DaemonSets run, on the control plane as well. */
export const istioDaemonsOf = (istio: string): string[] =>
  ["install-cni", "ztunnel"].map((name) => istioImage(name, istio));

/** Image of gateways and waypoints. */
export const proxyImageOf = (istio: string): string => istioImage("proxyv2", istio);

/** Images of the pinned Istio. */
export const istioImages: readonly string[] = istioImagesOf(versions.istio);

/** Image references of all containers in a manifest. */
export function imagesOf(manifest: string): string[] {
  const found = [...manifest.matchAll(/^\s*-?\s*image:\s*["']?([^\s"']+)["']?\s*$/gm)].map(([, ref]) => ref ?? "");
  return [...new Set(found)].sort();
}

/** Image references of the DaemonSets in a manifest. */
export function daemonsOf(manifest: string): string[] {
  const documents = manifest.split(/^---.*$/m);
  return imagesOf(documents.filter((document) => /^kind:\s*["']?DaemonSet\b/m.test(document)).join("\n"));
}
