import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { commandDefaults, type ImageOrigin, imageOriginEnvironment, script } from "./script";

export interface PulledImages extends ImageOrigin {
  images: readonly string[];
  /** What the {@link caches} run with, where there are any. */
  cacheRunning?: pulumi.Resource;
}

/** A command that brings images into this machine's Docker. They stay: other labs may run them too. */
export function pullImages(name: string, args: PulledImages, parent: pulumi.Resource): command.local.Command {
  return new command.local.Command(
    name,
    {
      ...commandDefaults,
      create: script("image-get", "images-pull"),
      environment: { IMAGES: args.images.join("\n"), ...imageOriginEnvironment(args) },
    },
    { parent, ...(args.cacheRunning ? { dependsOn: args.cacheRunning } : {}) },
  );
}

export interface BuiltImage extends ImageOrigin {
  image: string;
  /** Folder of its Dockerfile, relative to the project's. */
  build: string;
}

/** A command that builds the apps' image in this machine's Docker; its output is the image's id. */
export function buildImage(name: string, args: BuiltImage, parent: pulumi.Resource): command.local.Command {
  const { image, build } = args;
  return new command.local.Command(
    name,
    {
      ...commandDefaults,
      create: script("image-get", "image-build"),
      environment: { IMAGE: image, BUILD: build, ...imageOriginEnvironment(args) },
    },
    { parent },
  );
}

export interface LoadedImages extends ImageOrigin {
  images: readonly string[];
  /** Those of them that every node runs. The others go to the workers alone: the control plane's taint keeps their pods away. */
  daemons?: readonly string[];
  /** Folder that one image is built from again when this machine has lost it, relative to the project's. @default it is pulled */
  build?: string;
  clusterName: string;
  /** The nodes come with it, and go with it: what is loaded needs no deletion of its own. */
  cluster: pulumi.CustomResource;
  /** Another value loads them again. @default another cluster alone does */
  imageId?: pulumi.Input<string>;
}

/** A command that brings images from this machine's Docker into the nodes that run them. */
export function loadImages(
  name: string,
  args: LoadedImages,
  opts: { parent: pulumi.Resource; dependsOn: pulumi.Resource[] },
): command.local.Command {
  const { clusterName, cluster, images, daemons, build, imageId } = args;
  return new command.local.Command(
    name,
    {
      ...commandDefaults,
      create: script("image-get", "images-load"),
      environment: {
        ...{ CLUSTER: clusterName, IMAGES: images.join("\n"), ...imageOriginEnvironment(args) },
        ...(daemons ? { DAEMONS: daemons.join("\n") } : {}),
        ...(build === undefined ? {} : { BUILD: build }),
      },
      triggers: imageId ? [cluster.id, imageId] : [cluster.id],
    },
    { ...opts, deletedWith: cluster },
  );
}
