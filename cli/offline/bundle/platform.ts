import { nodePlatforms } from "../../../config/versions";
import type { System } from "../../toolchain/tools";

const systems = ["linux", "darwin"] as const;
const processors = { amd64: "x64", arm64: "arm64" } as const;

/** The machine a bundle is for: tools and plugins of its system, images of its processor. */
export interface Platform {
  /** `linux/amd64`, `darwin/arm64`. */
  name: string;
  system: System;
  /** Words of Go and of plugin archives: `darwin-arm64`. */
  dashed: string;
  /** Platform of the images: nodes are Linux everywhere. */
  nodes: (typeof nodePlatforms)[number];
}

/** Every platform that a bundle can be for. */
export const platforms: readonly Platform[] = systems.flatMap((platform) =>
  nodePlatforms.map((nodes): Platform => {
    const processor = nodes === "linux/amd64" ? "amd64" : "arm64";
    return {
      name: `${platform}/${processor}`,
      system: { platform, arch: processors[processor] },
      dashed: `${platform}-${processor}`,
      nodes,
    };
  }),
);

/** Name of this machine's platform; Windows runs the lab inside WSL, as Linux. */
export function hostPlatform({ platform, arch }: System = process): string {
  return `${platform === "darwin" ? "darwin" : "linux"}/${arch === "arm64" ? "arm64" : "amd64"}`;
}
