import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Command line that runs scripts of `components/scripts` in one shell, in order; those with functions come first. The paths are
 * relative to the project's folder, where the engine starts its plugins, so that a moved checkout is no change. The state does
 * not contain the texts, which the engine would store twice for every command.
 */
export function script(...names: readonly string[]): string {
  return names.map((name) => `. ./components/scripts/${name}.sh`).join("; ");
}

/** Texts of scripts, for a deletion: `pulumi destroy` uses only the state, also after the checkout was moved. */
export function scriptTexts(...names: readonly string[]): string {
  return names.map((name) => readFileSync(join(__dirname, "scripts", `${name}.sh`), "utf8")).join("\n");
}

/** Options of every command of the lab: sh without a profile, no stdout of earlier runs in the environment. */
export const commandDefaults = { interpreter: ["/bin/sh", "-c"], addPreviousOutputInEnv: false };

/** Sources of images in addition to their registries. */
export interface ImageOrigin {
  /** Mirrors as "registry=URL", which replace the registries on this machine and the nodes. */
  imageMirrors: readonly string[];
  /** Registries with a cache on this machine, as "registry=URL". */
  caches: readonly string[];
  /** Absolute path of a folder made by `lab bundle`, whose archives have priority over registries. */
  bundle?: string;
}

/** Inputs of `image-get.sh`. */
export function imageOriginEnvironment({ imageMirrors, caches, bundle }: ImageOrigin) {
  return { MIRRORS: imageMirrors.join("\n"), CACHES: caches.join("\n"), BUNDLE: bundle ?? "", PLATFORM: "" };
}
