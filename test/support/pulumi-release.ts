import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "tar";

/**
 * Every file of pulumi-v3.259.0-linux-x64.tar.gz, all of them in its folder `pulumi/`. From the recipe of the release:
 * pulumi/pulumi at v3.259.0, .goreleaser.yml (`builds` for linux/amd64, and `archives` with its `wrap_in_directory`),
 * scripts/prep-for-goreleaser.sh (bin/linux/*), scripts/get-pulumi-watch.sh and scripts/get-language-providers.sh
 * (bin/linux-x64/*).
 */
export const pulumiRelease = [
  ...["pulumi", "pulumi-language-go", "pulumi-language-nodejs", "pulumi-language-bun", "pulumi-language-python"],
  "pulumi-language-pcl",
  ...["pulumi-resource-pulumi-nodejs", "pulumi-resource-pulumi-python", "pulumi-language-python-exec"],
  "pulumi-watch",
  ...["pulumi-language-dotnet", "pulumi-language-java", "pulumi-language-yaml"],
];

/**
 * A packed release of programs by name and content: goreleaser puts each file under its folder, and no entry for the folder
 * itself.
 */
export async function packedRelease(
  programs: Readonly<Record<string, string | Buffer>>,
  folder = "pulumi",
): Promise<Buffer> {
  const cwd = mkdtempSync(join(tmpdir(), "lab-tar-"));
  try {
    mkdirSync(join(cwd, folder), { recursive: true });
    for (const [name, content] of Object.entries(programs)) writeFileSync(join(cwd, folder, name), content);
    const paths = Object.keys(programs).map((name) => `${folder}/${name}`);
    await create({ cwd, file: join(cwd, "release.tar.gz"), gzip: { level: 1 } }, paths);
    return readFileSync(join(cwd, "release.tar.gz"));
  } finally {
    rmSync(cwd, { recursive: true });
  }
}
