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
  /** What the nodes get before it. */
  after: readonly pulumi.Resource[];
}

/**
 * The apps' image: httpbin with curl, hey, tcpdump, dig and ip. Built on this machine under a tag that is the hash of its
 * folder, then loaded into the nodes; a changed Dockerfile so shows as another image in the preview.
 */
export class AppImage extends pulumi.ComponentResource {
  /** Reference for the pods. */
  readonly ref: string;
  /** Image id (a ready image: its reference); part of the pod template, so that a new image rolls the pods. */
  readonly imageId: pulumi.Output<string>;

  constructor(name: string, args: AppImageArgs, opts: pulumi.ComponentResourceOptions = {}) {
    // The cluster is not an input of the component: children wait for what the inputs come from, and the build must not.
    // Neither is the folder: another checkout changes nothing.
    super(
      "ambientlab:cluster:AppImage",
      name,
      { ready: args.ready, stack: args.stack, clusterName: args.clusterName },
      opts,
    );
    this.ref = args.ready ?? `docker.io/ambient-lab-${args.stack}/httpbin:${folderHash(args.context)}`;
    // Relative, as the scripts are: a moved checkout changes nothing.
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
