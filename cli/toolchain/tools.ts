import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { checkDigest, type Fetcher, requireSafeSource } from "../../artifacts/download";
import { tools as bill, pinnedDigests, supported } from "../../config/versions";
import { LabError } from "../../host/errors";
import { type Exec, firstOnPath } from "../../host/exec";
import { labBin } from "../../host/paths";
import { shellWord } from "../../host/shell";
import { fitsRange, toolVersion } from "../../preflight/host";

/** A tool that the lab requires in addition to Node.js and Docker. */
export interface Tool {
  name: "pulumi" | "kind";
  /** Purpose of the tool, the Why of every problem with it. */
  purpose: string;
  /** Version that the lab installs. */
  version: string;
  /** Supported versions (semver range). */
  range: string;
  /** Further programs of its release that the lab needs. */
  companions: readonly string[];
  /** Its release for a system. */
  release(system: System): Release;
}

/** Operating system and processor, named as in Node.js. */
export interface System {
  platform: NodeJS.Platform;
  arch: NodeJS.Architecture;
}

/** A downloadable release, and the list that contains its digest. */
export interface Release {
  /** Upstream URL of the file. */
  url: string;
  /** SHA-256 of the upstream file, where it is pinned. */
  sha256?: string;
  /** Upstream URL of the list of digests. */
  checksums: string;
  /** Name of the file in that list, and in `<artifactSource>/cli/`. */
  file: string;
  /** Name of the list in `<artifactSource>/cli/`. */
  checksumsFile: string;
  /** Whether the file is a packed archive. */
  packed: boolean;
}

const pinned = (url: string): Pick<Release, "url" | "sha256"> => ({ url, sha256: pinnedDigests[url] });

/** The tools, in the order in which they are found or installed. */
export const tools: readonly Tool[] = [
  {
    name: "pulumi",
    purpose: bill.pulumi.purpose,
    version: bill.pulumi.version,
    range: supported.pulumi,
    companions: ["pulumi-language-nodejs"],
    release({ platform, arch }) {
      const { version, upstream } = bill.pulumi;
      const file = `pulumi-v${version}-${platform}-${arch === "x64" ? "x64" : "arm64"}.tar.gz`;
      const checksumsFile = `pulumi-${version}-checksums.txt`;
      return {
        file,
        checksumsFile,
        ...pinned(`${upstream}/${file}`),
        checksums: `https://github.com/pulumi/pulumi/releases/download/v${version}/${checksumsFile}`,
        packed: true,
      };
    },
  },
  {
    name: "kind",
    purpose: bill.kind.purpose,
    version: bill.kind.version,
    range: supported.kind,
    companions: [],
    release({ platform, arch }) {
      const file = `kind-${platform}-${arch === "x64" ? "amd64" : "arm64"}`;
      const url = `${bill.kind.upstream}/${file}`;
      return { file, checksumsFile: `${file}.sha256sum`, ...pinned(url), checksums: `${url}.sha256sum`, packed: false };
    },
  },
];

/** A tool on this machine. */
export interface FoundTool {
  path: string;
  version: string;
  /** Whether the version is supported. */
  fits: boolean;
}

/** The first supported version of a tool on the PATH or in the lab's folder; otherwise the first unsupported one. */
export async function findTool(tool: Tool, env: NodeJS.ProcessEnv, exec: Exec): Promise<FoundTool | undefined> {
  const found: FoundTool[] = [];
  for (const folder of [...(env.PATH ?? "").split(delimiter), labBin()]) {
    const path = join(folder, tool.name);
    if (!folder || !existsSync(path)) continue;
    const version = await toolVersion(path, exec);
    if (version === undefined) continue;
    const candidate = { path, version, fits: fitsRange(version, tool.range) };
    if (candidate.fits) return candidate;
    found.push(candidate);
  }
  return found[0];
}

/** A Pulumi command for a shell: with the path of the lab's own pulumi if the PATH has none. */
export function pulumiCommand(args: string, env: NodeJS.ProcessEnv = process.env): string {
  return `${firstOnPath("pulumi", env) ? "pulumi" : shellWord(join(labBin(), "pulumi"))} ${args}`;
}

/** Address of a release: in a mirror or folder, or upstream. */
export function releaseAddress(release: Release, source?: string): string {
  return source ? `${cliFolder(source)}/${release.file}` : release.url;
}

/**
 * Fetches a release and checks its digest: the pinned one upstream, that of the list in a mirror or folder.
 * @throws LabError (exit code 4) for another digest, and for a mirror by plain HTTP
 */
export async function fetchRelease(release: Release, fetch: Fetcher, source?: string): Promise<Buffer> {
  requireSafeSource(source);
  const address = releaseAddress(release, source);
  const list = async () => {
    const checksums = await fetch(source ? `${cliFolder(source)}/${release.checksumsFile}` : release.checksums);
    return promised(checksums.toString("utf8"), release);
  };
  const digest = (source ? undefined : release.sha256) ?? (await list());
  const bytes = await fetch(address);
  checkDigest(address, bytes, digest);
  return bytes;
}

function cliFolder(source: string): string {
  return `${source.replace(/\/+$/, "")}/cli`;
}

/** Lists of digests are lines of "DIGEST  NAME". */
function promised(checksums: string, { file, checksumsFile }: Release): string {
  for (const line of checksums.split("\n")) {
    const [digest, name] = line.trim().split(/\s+\*?/);
    if (name === file && digest && /^[0-9a-f]{64}$/.test(digest)) return digest;
  }
  throw new LabError({
    what: `${checksumsFile} has no SHA-256 of ${file}`,
    why: "A program without a known digest is not run",
    fix: "Compare with the project's own release page, or use another artifactSource",
  });
}
