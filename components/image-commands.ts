import * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { commandDefaults, type ImageOrigin, imageOriginEnvironment, script } from "./script";

export interface PulledImages extends ImageOrigin {
  images: readonly string[];
  /** Dependency on the running {@link caches}. */
  cacheRunning?: pulumi.Resource;
}

/** A command that pulls images into this machine's Docker. Its deletion keeps them: other labs may use them. */
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
  /** Folder of its Dockerfile, relative to the project's folder. */
  build: string;
}

/** A command that builds the apps' image in this machine's Docker. Its stdout is the id of the image. */
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
  /** Images that every node runs. Only workers get the others: the control plane has a taint. */
  daemons?: readonly string[];
  /** Folder, relative to the project's, from which a missing image is built. @default a missing image is pulled */
  build?: string;
  clusterName: string;
  /** The cluster, whose deletion also removes the loaded images. */
  cluster: pulumi.CustomResource;
  /** A change loads the images again. @default only another cluster does */
  imageId?: pulumi.Input<string>;
}

/** A command that loads images from this machine's Docker into the nodes that run them. */
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
