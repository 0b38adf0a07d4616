import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type Fetcher, sha256 } from "../../../artifacts/download";
import { artifactPath } from "../../../artifacts/fetch";
import { billPlugins } from "../../../cli/offline/bill";
import { platforms } from "../../../cli/offline/pieces";
import { tools } from "../../../cli/toolchain/tools";
import { artifacts } from "../../../config/versions";
import { LabError } from "../../../host/errors";
import type { Exec } from "../../../host/exec";

/** A mirror that has everything, by path. */
export function mirror(): Map<string, Buffer | string> {
  const files = new Map<string, Buffer | string>();
  for (const each of artifacts) files.set(artifactPath(each), `image: registry.test/${each.name}:1\n`);
  for (const { dashed } of platforms) {
    for (const { name, version } of billPlugins()) {
      files.set(`plugins/pulumi-resource-${name}-v${version}-${dashed}.tar.gz`, gzipSync(name));
    }
  }
  files.set("SHA256SUMS", [...files].map(([path, text]) => `${sha256(text)}  ${path}\n`).join(""));
  for (const { system } of platforms) {
    for (const tool of tools) {
      const { file, checksumsFile } = tool.release(system);
      const digest = `${sha256(tool.name)}  ${file}\n`;
      files
        .set(`cli/${file}`, tool.name)
        .set(`cli/${checksumsFile}`, (files.get(`cli/${checksumsFile}`) ?? "") + digest);
    }
  }
  return files;
}

/** A Docker that can pull everything but `refused`, and saves an image as its name. */
export function docker(refused = "none"): Exec & { calls: string[] } {
  const calls: string[] = [];
  const exec: Exec = async (file, args, options) => {
    const command = [file, ...args.filter((arg) => !arg.includes("\n"))].join(" ");
    calls.push(command);
    const fails = options?.env?.IMAGES?.includes(refused);
    const { ARCHIVE, IMAGE = "" } = options?.env ?? {};
    if (ARCHIVE) writeFileSync(ARCHIVE, IMAGE, { mode: 0o600 });
    const stderr = fails ? "What  Cannot pull it\nWhy   The limit is used up\nFix   docker login" : "";
    return { command, code: fails ? 1 : 0, stdout: "", stderr };
  };
  return Object.assign(exec, { calls });
}

/** Reads what lies below `root` from a {@link mirror}, keeps a list of the paths, and reads files of this machine. */
export function mirrorFetcher(
  root: string,
  files: ReadonlyMap<string, Buffer | string>,
  asked: string[] = [],
): Fetcher {
  return async (address) => {
    if (!address.startsWith("http")) return readFileSync(address);
    const path = address.replace(`${root}/`, "");
    asked.push(path);
    const text = files.get(path);
    if (text === undefined) throw new LabError({ what: `Cannot download ${path}`, why: "-", fix: "-" });
    return Buffer.from(text);
  };
}
