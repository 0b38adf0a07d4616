import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Response } from "undici";
import { LabError, messageOf, type Problem, UnfitError } from "../host/errors";
import { isWeb } from "./bundle-folder";
import { trustedWith } from "./private-ca";

/**
 * Reads a URL, or a file of this machine.
 * @param caFile PEM file of a private CA to trust in addition
 * @param timeoutMs @default no limit
 * @param signal ends the download
 * @throws LabError (exit code 4), also after the timeout
 */
export type Fetcher = (address: string, caFile?: string, timeoutMs?: number, signal?: AbortSignal) => Promise<Buffer>;

/** Reads http(s) URLs through the proxy that the environment names; every other address is a local path. */
export const fetcher: Fetcher = async (address, caFile, timeoutMs, ended) => {
  if (!isWeb(address)) return readLocal(address);
  return request(address, { method: "GET", caFile, timeoutMs, ended }, async (response) => {
    if (address.startsWith("https:") && response.url.startsWith("http:")) {
      throw unreachable(address, { reason: `it leads to plain HTTP, ${response.url}` });
    }
    if (!response.ok) throw unreachable(address, { status: response.status, text: response.statusText });
    const body = Buffer.from(await response.arrayBuffer());
    const announced = Number(response.headers.get("content-length") ?? Number.NaN);
    const encoded = response.headers.get("content-encoding");
    if (!encoded && announced > 0 && body.length !== announced) {
      throw unreachable(address, { reason: `it ended after ${body.length} of ${announced} bytes` });
    }
    return body;
  });
};

/**
 * Sends a HEAD request to a URL, by the same route as {@link fetcher}.
 * @returns the status; every status is an answer, except 407 of a proxy and 429 of a rate limit
 * @throws LabError (exit code 4) without an answer in time
 */
export type Reach = (address: string, timeoutMs: number, caFile?: string) => Promise<number>;

export const reach: Reach = (address, timeoutMs, caFile) =>
  request(address, { method: "HEAD", caFile, timeoutMs }, async ({ status, statusText: text }) => {
    if (status === 407 || status === 429) throw unreachable(address, { status, text });
    return status;
  });

interface RequestOptions {
  method: "GET" | "HEAD";
  caFile?: string;
  timeoutMs?: number;
  /** Ends the request. */
  ended?: AbortSignal;
}

/** Sends a request and reads its response; every failure is a LabError of {@link unreachable}. */
async function request<T>(
  address: string,
  { method, caFile, timeoutMs, ended }: RequestOptions,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  // Loaded on demand: a lab with cached artifacts sends no request.
  const { EnvHttpProxyAgent, fetch } = await import("undici");
  const tls = caFile ? { ca: trustedWith(caFile) } : {};
  const dispatcher = new EnvHttpProxyAgent({ connect: tls, requestTls: tls, proxyTls: tls });
  const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([timeout, ended].filter((each) => each !== undefined));
  let response: Response | undefined;
  try {
    response = await fetch(address, { method, redirect: "follow", dispatcher, signal });
    return await read(response);
  } catch (thrown) {
    if (thrown instanceof LabError) throw thrown;
    if (timeout?.aborted) throw unreachable(address, { reason: `no answer in ${(timeoutMs ?? 0) / 1000} s`, thrown });
    if (!response) throw unreachable(address, { thrown });
    throw unreachable(address, { reason: `the connection broke: ${messageOf(thrown)}`, thrown });
  } finally {
    // Open connections would keep the process alive.
    await dispatcher.destroy();
  }
}

async function readLocal(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw new UnfitError(
      {
        what: `Cannot read "${path}": ${messageOf(cause)}`,
        why: "The config key artifactSource names a folder that must hold every artifact of the bill",
        fix: "npm run lab -- bundle DIR   (on a machine with a network), or: npm run lab -- config rm artifactSource",
      },
      cause,
    );
  });
}

const sourceFix = 'npm run lab -- config set artifactSource DIR-OR-URL   (a folder made by "lab bundle", or a mirror)';

/** Error codes of Node.js for a certificate of an unknown authority: a proxy or mirror with a private CA. */
const untrusted = new Set([
  ...["SELF_SIGNED_CERT_IN_CHAIN", "DEPTH_ZERO_SELF_SIGNED_CERT", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ...["UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CERT_UNTRUSTED"],
]);

/** Why a URL could not be read: an HTTP status, or an error. `reason` replaces the message of the error. */
export type Refusal = { status: number; text: string } | { thrown: unknown } | { reason: string; thrown?: unknown };

/**
 * The error of a URL that cannot be read. Why and Fix depend on the cause: a proxy that requires a login, a CA that Node.js
 * does not trust, a rate limit, or no connection.
 */
export function unreachable(address: string, refusal: Refusal): UnfitError {
  const thrown = "thrown" in refusal ? rootOf(refusal.thrown) : undefined;
  const status = "status" in refusal ? refusal.status : undefined;
  const reason =
    "reason" in refusal
      ? refusal.reason
      : "status" in refusal
        ? `HTTP ${refusal.status} ${refusal.text}`.trim()
        : messageOf(thrown);
  return new UnfitError(
    { what: `Cannot download ${address}: ${reason}`, ...adviceFor(status, reason, thrown) },
    "thrown" in refusal ? refusal.thrown : undefined,
  );
}

/** The message of an error of fetch() is "fetch failed"; its cause has the reason. */
function rootOf(thrown: unknown): unknown {
  return thrown instanceof Error && thrown.cause ? rootOf(thrown.cause) : thrown;
}

function adviceFor(status: number | undefined, reason: string, thrown: unknown): Pick<Problem, "why" | "fix"> {
  if (status === 407 || /\b407\b|proxy auth/i.test(reason)) {
    return {
      why: "The proxy of HTTPS_PROXY requires a login",
      fix: "export HTTPS_PROXY=http://NAME:SECRET@PROXY:PORT   (special characters as %XX)",
    };
  }
  if (status === 429) {
    return {
      why: "The host limits how much one address may fetch, and the limit is used up",
      fix: `Run it again later; what was fetched stays. Or: ${sourceFix}`,
    };
  }
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  if (untrusted.has(code)) {
    return {
      why: "Node.js does not trust the certificate: a proxy or mirror with a private CA is in the path",
      fix: "npm run lab -- config set caFile /PATH/TO/CA.pem   (for everything but Docker; docs/how-to/work-offline.md)",
    };
  }
  return { why: "The lab installs it, and it is not in the cache", fix: sourceFix };
}

/** SHA-256 in hexadecimal digits. */
export function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Whether bytes are gzip data, as packed charts and program archives are (RFC 1952, 2.3.1). */
export function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Requires HTTPS of a source of programs, because its digests arrive over the same connection as its files.
 * @param source `artifactSource`: a mirror's URL, or a folder
 * @throws LabError (exit code 4) for plain HTTP from another machine
 */
export function requireSafeSource(source: string | undefined): void {
  if (!source?.startsWith("http:")) return;
  const { hostname } = new URL(source);
  if (hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname)) return;
  throw new UnfitError({
    what: `"${source}" is no source for programs`,
    why: "By plain HTTP anyone on the path can change pulumi, kind and plugins together with their digests",
    fix: `npm run lab -- config set artifactSource ${source.replace(/^http:/, "https:")}   (or a folder, or put pulumi and kind on the PATH)`,
  });
}

/**
 * Compares the SHA-256 of downloaded bytes with the expected one.
 * @throws LabError (exit code 4) that names both digests
 */
export function checkDigest(address: string, bytes: Buffer, expected: string): void {
  const actual = sha256(bytes);
  if (actual === expected) return;
  const again =
    "Run the command again; if it stays, compare with the project's own release page, or use another artifactSource";
  throw new UnfitError({
    what: `${address} has SHA-256 ${actual}, not ${expected}`,
    why: "The download was cut or changed in transit, or the file of this version was replaced",
    fix: isWeb(address) ? again : "npm run lab -- bundle DIR   (with a network; downloads damaged files again)",
  });
}
