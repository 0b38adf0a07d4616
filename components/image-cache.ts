import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { cacheImage, mirrorsOf, registries } from "../config/image-names";
import { commandDefaults, type ImageOrigin, imageOriginEnvironment, script } from "./script";

export interface ImageCacheArgs extends ImageOrigin {
  /** PEM file of a private CA that the caches trust in addition. */
  caFile?: string;
  /** SHA-256 of that file: a change replaces the caches. */
  caDigest?: string;
}

/**
 * Pull-through caches of the registries: containers on this machine that all stacks share. `destroy` does not remove them. The
 * nodes of a lab reach them by the network of the lab (`KindCluster`).
 * @example new ImageCache("image-cache", { caches: cachedRegistries([]), imageMirrors: [] })
 */
export class ImageCache extends pulumi.ComponentResource {
  /** Dependency of resources that need running caches. */
  readonly running: command.local.Command;

  constructor(name: string, args: ImageCacheArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:cluster:ImageCache", name, args, opts);
    this.running = new command.local.Command(
      `${name}-start`,
      {
        ...commandDefaults,
        create: script("image-get", "image-cache"),
        environment: { CACHE_IMAGE: cacheImage, CA_FILE: args.caFile ?? "", ...imageOriginEnvironment(args) },
        triggers: [cacheImage, `caFile=${args.caDigest ?? ""}`],
      },
      { parent: this },
    );
    this.registerOutputs();
  }
}

/** The cached registries, as "registry=URL": all without a mirror. */
export function cachedRegistries(imageMirrors: readonly string[]): string[] {
  const mirrored = mirrorsOf(imageMirrors);
  return Object.entries(registries).flatMap(([registry, url]) =>
    mirrored.has(registry) ? [] : [`${registry}=${url}`],
  );
}
