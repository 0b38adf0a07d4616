import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Command line that runs scripts of `components/scripts` in one shell, one behind the other: first those with functions.
 * Relative to the project's folder, where the engine starts its plugins, so that a moved checkout changes nothing. By name
 * and not by text, since the engine would keep and write each text twice for every command.
 */
export function script(...names: readonly string[]): string {
  return names.map((name) => `. ./components/scripts/${name}.sh`).join("; ");
}

/** Texts of scripts, for a deletion: `pulumi destroy` works from the state alone, wherever the checkout has gone. */
export function scriptTexts(...names: readonly string[]): string {
  return names.map((name) => readFileSync(join(__dirname, "scripts", `${name}.sh`), "utf8")).join("\n");
}

/** Options that every command of the lab shares: sh without a profile, no stdout of earlier runs in the environment. */
export const commandDefaults = { interpreter: ["/bin/sh", "-c"], addPreviousOutputInEnv: false };

/** Where the scripts get images from, beside their registries. */
export interface ImageOrigin {
  /** "registry=url": where this machine and the nodes pull from instead. */
  imageMirrors: readonly string[];
  /** "registry=url": what containers of this machine cache; they are asked before the registry. */
  caches: readonly string[];
  /** Folder made by "lab bundle", absolute: its archives come before any registry. */
  bundle?: string;
}

/** Inputs of `image-get.sh`. */
export function imageOriginEnvironment({ imageMirrors, caches, bundle }: ImageOrigin) {
  return { MIRRORS: imageMirrors.join("\n"), CACHES: caches.join("\n"), BUNDLE: bundle ?? "", PLATFORM: "" };
}
