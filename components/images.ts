import * as pulumi from "@pulumi/pulumi";
import { loadImages, pullImages } from "./image-commands";
import type { ImageOrigin } from "./script";

/** Images that are loaded together. */
export interface ImageGroup {
  images: readonly string[];
  /** Those of them that every node runs. The others go to the workers alone: the control plane's taint keeps their pods away. */
  daemons?: readonly string[];
  /** Group that is loaded before this one, and stands before it. @default none */
  after?: string;
}

export interface ImagesArgs extends ImageOrigin {
  clusterName: string;
  /** The nodes come with it, and go with it: what is loaded needs no deletion of its own. */
  cluster: pulumi.CustomResource;
  /** Images by the part of the lab that runs them. An empty group makes nothing. */
  groups: Readonly<Record<string, ImageGroup>>;
  /** What the {@link caches} run with, where there are any. */
  cacheRunning?: pulumi.Resource;
}

/**
 * Third-party images: each is pulled once on this machine, while the cluster is being made, and loaded into the nodes that
 * run it.
 *
 * @example const images = new Images("images", { groups: { mesh: { images: [...] } }, ... }); new Istio(..., { dependsOn: images.loaded("mesh") })
 */
export class Images extends pulumi.ComponentResource {
  private readonly loads = new Map<string, pulumi.Resource>();

  constructor(name: string, args: ImagesArgs, opts: pulumi.ComponentResourceOptions = {}) {
    // The cluster is not an input of the component: children wait for what the inputs come from, and the pulls must not.
    super("ambientlab:cluster:Images", name, { clusterName: args.clusterName, groups: args.groups }, opts);
    for (const [group, { images: refs, daemons = [], after = "" }] of Object.entries(args.groups)) {
      if (refs.length === 0) continue;
      const pull = pullImages(`${name}-pull-${group}`, { ...args, images: refs }, this);
      const load = loadImages(
        `${name}-load-${group}`,
        { ...args, images: refs, daemons },
        { parent: this, dependsOn: [pull, ...this.loaded(after)] },
      );
      this.loads.set(group, load);
    }
    this.registerOutputs();
  }

  /** What a part of the lab waits for: its own images in the nodes. Empty when the nodes pull them. */
  loaded(group: string): pulumi.Resource[] {
    const load = this.loads.get(group);
    return load ? [load] : [];
  }
}
