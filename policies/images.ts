import { at, listAt, type Manifest, nameOf } from "./manifest";

const containerLists = ["containers", "initContainers", "ephemeralContainers"];

/** Containers with an image that is not pinned, so that it may change between two runs. */
export function unpinnedImages(object: Manifest): string[] {
  const spec = object.kind === "Pod" ? object.spec : at(object.spec, "template", "spec");
  return containerLists
    .flatMap((list) => listAt(spec, list))
    .flatMap((container) => {
      const image = at(container, "image");
      if (typeof image !== "string" || isPinned(image)) return [];
      return [`${nameOf(object)} runs image "${image}": name a tag other than latest, or a digest`];
    });
}

/** Whether a reference has a digest, or a tag other than "latest". A colon before a slash belongs to a port. */
export function isPinned(image: string): boolean {
  if (image.includes("@")) return /@sha256:[0-9a-f]{64}$/.test(image);
  const tag = /:([\w][\w.-]*)$/.exec(image.slice(image.lastIndexOf("/") + 1))?.[1];
  return tag !== undefined && tag !== "latest";
}
