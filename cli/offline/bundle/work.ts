import type { Fetcher } from "../../../artifacts/download";
import type { Exec } from "../../../host/exec";
import type { Platform } from "./platform";

/** What the pieces of a bundle are brought with. */
export interface BundleWork {
  fetch: Fetcher;
  exec: Exec;
  platform: Platform;
  /** "registry=url": where images are pulled from instead. */
  imageMirrors: readonly string[];
  /** Mirror or folder, without a slash at its end, that replaces the upstream hosts. */
  source?: string;
  /** Ended when the user ends the command. */
  signal: AbortSignal;
}
