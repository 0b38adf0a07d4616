import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { cacheImage, mirrorsOf, registries } from "../config/image-names";
import { commandDefaults, type ImageOrigin, imageOriginEnvironment, script } from "./script";

export interface ImageCacheArgs extends ImageOrigin {
  /** PEM of a private CA that the caches trust as well. */
  caFile?: string;
  /** SHA-256 of that file: another content makes the caches anew. */
  caDigest?: string;
}

/**
 * Pull-through caches of the registries, as containers on this machine: one each for all stacks. They stay when a lab goes,
 * and so do the images in them; the network of a lab lets its nodes in (`KindCluster`).
 *
 * @example new ImageCache("image-cache", { caches: cachedRegistries([]), imageMirrors: [] })
 */
export class ImageCache extends pulumi.ComponentResource {
  /** The caches run once this is there. */
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

/** The registries that are cached, "registry=url": all but those that a mirror stands for. */
export function cachedRegistries(imageMirrors: readonly string[]): string[] {
  const mirrored = mirrorsOf(imageMirrors);
  return Object.entries(registries).flatMap(([registry, url]) =>
    mirrored.has(registry) ? [] : [`${registry}=${url}`],
  );
}
