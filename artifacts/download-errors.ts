import { ExitCode, LabError, messageOf, type Problem } from "../host/errors";

const sourceFix = 'npm run lab -- config set artifactSource DIR-OR-URL   (a folder made by "lab bundle", or a mirror)';

/** Error codes of Node.js for a certificate of an unknown authority: a proxy or mirror with a private CA. */
const untrusted = new Set([
  ...["SELF_SIGNED_CERT_IN_CHAIN", "DEPTH_ZERO_SELF_SIGNED_CERT", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ...["UNABLE_TO_GET_ISSUER_CERT", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CERT_UNTRUSTED"],
]);

/** Why an address was not read. */
export type Refusal = { status: number; text: string } | { thrown: unknown } | { reason: string; thrown?: unknown };

/**
 * The error of an address that cannot be read, in the words of what stands in between: a proxy that wants a name, a CA
 * that Node.js does not know, a host that gives no more for now, or no way there at all.
 */
export function unreachable(address: string, refusal: Refusal): LabError {
  const reason = reasonOf(refusal);
  const meaning = meaningOf(refusal, reason) ?? {
    why: "The lab installs it, and it is not in the cache",
    fix: sourceFix,
  };
  const cause = "thrown" in refusal ? refusal.thrown : undefined;
  return new LabError(
    { what: `Cannot download ${address}: ${reason}`, ...meaning },
    { exitCode: ExitCode.unfit, cause },
  );
}

function reasonOf(refusal: Refusal): string {
  if ("reason" in refusal) return refusal.reason;
  if ("status" in refusal) return `HTTP ${refusal.status} ${refusal.text}`.trim();
  return messageOf(rootOf(refusal.thrown));
}

/** The message of an error of fetch() is "fetch failed"; its cause has the reason. */
function rootOf(thrown: unknown): unknown {
  return thrown instanceof Error && thrown.cause ? rootOf(thrown.cause) : thrown;
}

function meaningOf(refusal: Refusal, reason: string): Pick<Problem, "why" | "fix"> | undefined {
  const status = "status" in refusal ? refusal.status : undefined;
  if (status === 407 || /\b407\b|proxy auth/i.test(reason)) {
    return {
      why: "The proxy of HTTPS_PROXY wants to know who asks",
      fix: "export HTTPS_PROXY=http://NAME:SECRET@PROXY:PORT   (special characters as %XX)",
    };
  }
  if (status === 429) {
    return {
      why: "The host limits how much one address may fetch, and the limit is used up",
      fix: `Run it again later; what was fetched stays. Or: ${sourceFix}`,
    };
  }
  const root = "thrown" in refusal ? rootOf(refusal.thrown) : undefined;
  const code = root instanceof Error && "code" in root ? String(root.code) : "";
  if (untrusted.has(code)) {
    return {
      why: "Node.js does not trust the certificate: a proxy or mirror with a private CA stands in between",
      fix: "npm run lab -- config set caFile /PATH/TO/CA.pem   (for everything but Docker; docs/how-to/work-offline.md)",
    };
  }
  return undefined;
}
