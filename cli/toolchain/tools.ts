import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import semver from "semver";
import { checkDigest, type Fetcher, requireSafeSource } from "../../artifacts/download";
import { tools as bill, supported } from "../../config/versions";
import { LabError } from "../../host/errors";
import { type Exec, firstOnPath } from "../../host/exec";
import { labBin } from "../../host/paths";
import { shellWord } from "../../host/shell";

/** A program the lab needs beside Node.js and Docker. */
export interface Tool {
  name: "pulumi" | "kind";
  /** What it does for the lab: the Why of every problem with it. */
  purpose: string;
  /** Version that is brought when there is none. */
  version: string;
  /** Versions (semver range) that will do. */
  range: string;
  /** Programs beside it that the lab runs and an archive must therefore hold. */
  companions: readonly string[];
  /** Where its release for a system lies. */
  release(system: System): Release;
}

/** Operating system and processor as Node.js names them. */
export interface System {
  platform: NodeJS.Platform;
  arch: NodeJS.Architecture;
}

/** One downloadable release and the list that holds its digest. */
export interface Release {
  /** Upstream address of the file. */
  url: string;
  /** Upstream address of the list of digests. */
  checksums: string;
  /** Name of the file in that list, and in `<artifactSource>/cli/`. */
  file: string;
  /** Name of the list in `<artifactSource>/cli/`. */
  checksumsFile: string;
  packed: boolean;
}

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
        url: `${upstream}/${file}`,
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
      return { file, checksumsFile: `${file}.sha256sum`, url, checksums: `${url}.sha256sum`, packed: false };
    },
  },
];

/** A tool on this machine. */
export interface FoundTool {
  path: string;
  version: string;
  /** Whether the version is in the range the lab works with. */
  fits: boolean;
}

/** The tool that will be used: the first that fits on the PATH, else in the lab's folder, else the first that does not fit. */
export async function findTool(tool: Tool, env: NodeJS.ProcessEnv, exec: Exec): Promise<FoundTool | undefined> {
  const found: FoundTool[] = [];
  for (const folder of [...(env.PATH ?? "").split(delimiter), labBin()]) {
    const path = join(folder, tool.name);
    if (!folder || !existsSync(path)) continue;
    const version = await versionOf(path, exec);
    if (version === undefined) continue;
    const candidate = { path, version, fits: semver.satisfies(version, tool.range, { includePrerelease: true }) };
    if (candidate.fits) return candidate;
    found.push(candidate);
  }
  return found[0];
}

/** A command of Pulumi as it can be typed: with the path of the program that the lab has brought, where the PATH has none. */
export function pulumiCommand(args: string, env: NodeJS.ProcessEnv = process.env): string {
  return `${firstOnPath("pulumi", env) ? "pulumi" : shellWord(join(labBin(), "pulumi"))} ${args}`;
}

async function versionOf(path: string, exec: Exec): Promise<string | undefined> {
  const { code, stdout } = await exec(path, ["version"], { env: { PULUMI_SKIP_UPDATE_CHECK: "true" } });
  return code === 0 ? /v?(\d+\.\d+\.\d+[\w.+-]*)/.exec(stdout)?.[1] : undefined;
}

/** A release that was fetched and is what its list of digests promises. */
export interface CheckedRelease {
  bytes: Buffer;
  /** The list of digests, as it came. */
  checksums: Buffer;
}

/** Where a release lies in a mirror or folder, or upstream. */
export function releaseAddress(release: Release, source?: string): string {
  return source ? `${cliFolder(source)}/${release.file}` : release.url;
}

/**
 * Fetches a release and checks it.
 * @throws LabError (exit code 4) when it is not what its list of digests promises, and for a mirror by plain HTTP
 */
export async function fetchRelease(release: Release, fetch: Fetcher, source?: string): Promise<CheckedRelease> {
  requireSafeSource(source);
  const address = releaseAddress(release, source);
  const checksums = await fetch(source ? `${cliFolder(source)}/${release.checksumsFile}` : release.checksums);
  const digest = promised(checksums.toString("utf8"), release);
  const bytes = await fetch(address);
  checkDigest(address, bytes, digest);
  return { bytes, checksums };
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
