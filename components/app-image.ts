import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { buildImage, loadImages } from "./image-commands";
import type { ImageOrigin } from "./script";

export interface AppImageArgs extends ImageOrigin {
  /** Folder with the Dockerfile, absolute. */
  context: string;
  /** A ready image instead of a build. */
  ready?: string;
  stack: string;
  clusterName: string;
  /** kind cluster whose nodes the image is loaded into. @default the nodes pull it */
  cluster?: pulumi.CustomResource;
  /** Images that are loaded before it. */
  after: readonly pulumi.Resource[];
}

/**
 * The apps' image: httpbin with curl, vegeta, tcpdump, dig and ip. It is built on this machine and loaded into the nodes. Its tag is
 * a digest of the folder, so that a preview shows a changed Dockerfile as another image.
 */
export class AppImage extends pulumi.ComponentResource {
  /** Reference for the pods. */
  readonly ref: string;
  /** Id of the image (of a ready image, its reference), for the pod templates: a new image restarts the pods. */
  readonly imageId: pulumi.Output<string>;

  constructor(name: string, args: AppImageArgs, opts: pulumi.ComponentResourceOptions = {}) {
    // The cluster is not an input of the component: children depend on the resources of the inputs, and the build must not wait
    // for the cluster. Neither is the folder: another checkout is no change.
    super(
      "ambientlab:cluster:AppImage",
      name,
      { ready: args.ready, stack: args.stack, clusterName: args.clusterName },
      opts,
    );
    this.ref = args.ready ?? `docker.io/ambient-lab-${args.stack}/httpbin:${folderHash(args.context)}`;
    // Relative, so that a moved checkout is no change.
    const build = relative(join(__dirname, ".."), args.context);
    const built = args.ready ? undefined : buildImage(`${name}-build`, { ...args, image: this.ref, build }, this);
    this.imageId = built ? built.stdout : pulumi.output(this.ref);
    if (args.cluster) {
      loadImages(
        `${name}-load`,
        {
          ...args,
          cluster: args.cluster,
          images: [this.ref],
          imageId: this.imageId,
          build: built ? build : "",
        },
        { parent: this, dependsOn: [...(built ? [built] : []), ...args.after] },
      );
    }
    this.registerOutputs({ ref: this.ref, imageId: this.imageId });
  }
}

/** First 12 digits of the SHA-256 over the names and contents of a folder's files. */
export function folderHash(folder: string): string {
  const hash = createHash("sha256");
  for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()) {
    hash.update(file.slice(folder.length)).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex").slice(0, 12);
}
