import * as pulumi from "@pulumi/pulumi";
import { loadImages, pullImages } from "./image-commands";
import type { ImageOrigin } from "./script";

/** Images that are loaded together. */
export interface ImageGroup {
  images: readonly string[];
  /** Images that every node runs. Only workers get the others: the control plane has a taint. */
  daemons?: readonly string[];
  /** Group that is loaded before this one; it must precede it in `groups`. @default none */
  after?: string;
}

export interface ImagesArgs extends ImageOrigin {
  clusterName: string;
  /** The cluster, whose deletion also removes the loaded images. */
  cluster: pulumi.CustomResource;
  /** Images by the part of the lab that runs them. An empty group creates no resource. */
  groups: Readonly<Record<string, ImageGroup>>;
  /** Dependency on the running {@link caches}. */
  cacheRunning?: pulumi.Resource;
}

/**
 * Third-party images. Each is pulled once on this machine, while the cluster is created, and loaded into the nodes that run it.
 * @example const images = new Images("images", { groups: { mesh: { images: [...] } }, ... }); new Istio(..., { dependsOn: images.loaded("mesh") })
 */
export class Images extends pulumi.ComponentResource {
  private readonly loads = new Map<string, pulumi.Resource>();

  constructor(name: string, args: ImagesArgs, opts: pulumi.ComponentResourceOptions = {}) {
    // The cluster is not an input of the component: children depend on the resources of the inputs, and the pulls must not wait
    // for the cluster.
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

  /** Dependencies of the pods that run the images of a group. Empty when the nodes pull them. */
  loaded(group: string): pulumi.Resource[] {
    const load = this.loads.get(group);
    return load ? [load] : [];
  }
}
