import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ExitCode, LabError, messageOf } from "../host/errors";
import { unreachable } from "./download-errors";
import { trustedWith } from "./private-ca";

/**
 * Reads a resource of the web or of a folder, trusting a private CA where one is named; rejects with a LabError, also when
 * the time is up. @default no limit of time
 */
export type Fetcher = (address: string, caFile?: string, timeoutMs?: number) => Promise<Buffer>;

/** Reads http(s) addresses, by the proxy that the environment names; everything else is a path of this machine. */
export const fetcher: Fetcher = async (address, caFile, timeoutMs) => {
  if (!isOfTheWeb(address)) return readLocal(address);
  const { dispatcher, fetch } = await client(caFile);
  try {
    const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const late = (thrown: unknown) =>
      signal?.aborted
        ? unreachable(address, { reason: `no answer in ${(timeoutMs ?? 0) / 1000} s`, thrown })
        : undefined;
    const response = await fetch(address, { redirect: "follow", dispatcher, signal }).catch((thrown: unknown) => {
      throw late(thrown) ?? unreachable(address, { thrown });
    });
    if (address.startsWith("https:") && response.url.startsWith("http:")) {
      throw unreachable(address, { reason: `it leads to plain HTTP, ${response.url}` });
    }
    if (!response.ok) throw unreachable(address, { status: response.status, text: response.statusText });
    const body = Buffer.from(
      await response.arrayBuffer().catch((cause: unknown) => {
        throw (
          late(cause) ?? unreachable(address, { reason: `the connection broke: ${messageOf(cause)}`, thrown: cause })
        );
      }),
    );
    const announced = Number(response.headers.get("content-length") ?? Number.NaN);
    const encoded = response.headers.get("content-encoding");
    if (!encoded && announced > 0 && body.length !== announced) {
      throw unreachable(address, { reason: `it ended after ${body.length} of ${announced} bytes` });
    }
    return body;
  } finally {
    // Open connections would keep the process alive.
    await dispatcher.close();
  }
};

/** The HTTP client, loaded when it is needed: a lab with cached artifacts sends no request. */
async function client(caFile?: string) {
  const { EnvHttpProxyAgent, fetch } = await import("undici");
  const tls = caFile ? { ca: trustedWith(caFile) } : {};
  return { fetch, dispatcher: new EnvHttpProxyAgent({ connect: tls, requestTls: tls, proxyTls: tls }) };
}

/** Content at a URL. Rejects with a LabError when there is no answer in time. */
export type Reach = (address: string, timeoutMs: number, caFile?: string) => Promise<number>;

/**
 * Asks an address for its headers alone, by the same way as {@link fetcher}; any status is an answer, but a
 * proxy's 407 and a limit's 429.
 */
export const reach: Reach = async (address, timeoutMs, caFile) => {
  const { dispatcher, fetch } = await client(caFile);
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(address, { method: "HEAD", dispatcher, signal }).catch((thrown: unknown) => {
      if (signal.aborted) throw unreachable(address, { reason: `no answer in ${timeoutMs / 1000} s`, thrown });
      throw unreachable(address, { thrown });
    });
    const { status, statusText: text } = response;
    if (status === 407 || status === 429) throw unreachable(address, { status, text });
    return response.status;
  } finally {
    await dispatcher.destroy();
  }
};

const isOfTheWeb = (address: string) => /^https?:/.test(address);

async function readLocal(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw new LabError(
      {
        what: `Cannot read "${path}": ${messageOf(cause)}`,
        why: "The config key artifactSource names a folder that must hold every artifact of the bill",
        fix: "npm run lab -- bundle DIR   (on a machine with a network), or: npm run lab -- config rm artifactSource",
      },
      { exitCode: ExitCode.unfit, cause },
    );
  });
}

/** SHA-256 of some bytes, in hex. */
export function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Whether bytes are packed, as charts and archives of programs are (RFC 1952, 2.3.1). */
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
  throw new LabError(
    {
      what: `"${source}" is no source for programs`,
      why: "By plain HTTP anyone on the way can change pulumi, kind and plugins together with their digests",
      fix: `npm run lab -- config set artifactSource ${source.replace(/^http:/, "https:")}   (or a folder, or put pulumi and kind on the PATH)`,
    },
    { exitCode: ExitCode.unfit },
  );
}

/**
 * Fails on bytes that are not the ones that were promised.
 * @throws LabError naming both digests
 */
export function checkDigest(address: string, bytes: Buffer, expected: string): void {
  const actual = sha256(bytes);
  if (actual === expected) return;
  const again =
    "Run the command again; if it stays, compare with the project's own release page, or use another artifactSource";
  throw new LabError(
    {
      what: `${address} has SHA-256 ${actual}, not ${expected}`,
      why: "The download was cut or changed on its way, or the file of this version was replaced",
      fix: isOfTheWeb(address) ? again : "npm run lab -- bundle DIR   (with a network; fetches what is damaged again)",
    },
    { exitCode: ExitCode.unfit },
  );
}
