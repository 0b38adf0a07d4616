import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pluginNames } from "../../../config/versions";

/** The plugin of a Pulumi provider. */
export interface BillPlugin {
  name: string;
  version: string;
  /** Upstream folder of the release's files. */
  upstream: string;
  licence: string;
}

/** The plugins that the engine loads; package.json has their pins. */
export function billPlugins(): BillPlugin[] {
  const manifest: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(__dirname, "../../../package.json"), "utf8"),
  );
  return pluginNames.map((name) => {
    const version = manifest.dependencies[`@pulumi/${name}`];
    if (!version) throw new RangeError(`package.json does not pin @pulumi/${name}`);
    const upstream = `https://github.com/pulumi/pulumi-${name}/releases/download/v${version}`;
    return { name, version, upstream, licence: "Apache-2.0" };
  });
}
