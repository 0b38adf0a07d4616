import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { artifactPath } from "../../artifacts/fetch";
import { imagesOf } from "../../config/image-names";
import { artifactsOf } from "../../config/versions";
import { type AddonName, addonNames } from "../../config/vocabulary";
import { exec } from "../../host/exec";
import { artifactsAtHand } from "./skip";

/** The addons whose images Docker has, without addons whose data source is not available. */
export async function addonsAtHand(): Promise<AddonName[]> {
  const found: AddonName[] = [];
  for (const name of addonNames) if (await hasImages(name)) found.push(name);
  return found.includes("prometheus") ? found : found.filter((name) => name === "jaeger");
}

async function hasImages(name: AddonName): Promise<boolean> {
  const { artifactSource, ...chosen } = artifactsAtHand();
  const artifact = artifactsOf(chosen).find((item) => item.name === name);
  if (!artifact) return false;
  const manifest = await readFile(join(artifactSource, artifactPath(artifact)), "utf8").catch(() => undefined);
  if (manifest === undefined) return false;
  return (await exec("docker", ["image", "inspect", ...imagesOf(manifest)])).code === 0;
}
