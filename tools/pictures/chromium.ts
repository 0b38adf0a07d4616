import { type Browser, chromium } from "playwright-core";
import { firstOnPath } from "../../host/exec";

/** Path of a Chromium or a Chrome on the PATH; undefined without one. */
export const chromiumPath = (): string | undefined =>
  ["chromium", "google-chrome", "chromium-browser"]
    .map((name) => firstOnPath(name, process.env))
    .find((path) => path !== undefined);

/**
 * Starts the browser of {@link chromiumPath} without a window. In a container it has no sandbox, and /dev/shm is small.
 * @throws Error without a Chromium
 */
export async function startChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (!executablePath) throw new Error("No chromium on the PATH: pages cannot be drawn");
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}
