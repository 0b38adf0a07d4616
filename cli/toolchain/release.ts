import { checkDigest, type Fetcher } from "../../artifacts/download";
import { LabError } from "../../host/errors";
import type { Release } from "./tools";

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

/** Fetches a release and checks it. */
export async function fetchRelease(release: Release, fetch: Fetcher, source?: string): Promise<CheckedRelease> {
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
    why: "A program that nobody vouches for is not run",
    fix: "Compare with the project's own release page, or use another artifactSource",
  });
}
