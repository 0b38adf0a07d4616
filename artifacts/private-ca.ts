import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { messageOf, UnfitError } from "../host/errors";
import { shellWord } from "../host/shell";

/** The certificates of a private CA. */
export interface PrivateCa {
  /** Text of the file. */
  pem: string;
  /** SHA-256 of the text, in hex. */
  digest: string;
}

/**
 * Reads the file that `caFile` or NODE_EXTRA_CA_CERTS names.
 * @throws LabError (exit code 4) on a file that cannot be read or begins with no certificate
 */
export function readPrivateCa(file: string): PrivateCa {
  try {
    const pem = readFileSync(file, "utf8");
    // Throws for a key or a DER file. Of a chain it reads only the first certificate.
    new X509Certificate(pem);
    return { pem, digest: createHash("sha256").update(pem).digest("hex") };
  } catch (cause) {
    throw new UnfitError(
      {
        what: `"${file}" holds no certificate in PEM: ${messageOf(cause)}`,
        why: "caFile or NODE_EXTRA_CA_CERTS names it, and the lab and its nodes are to trust its certificates",
        fix: `openssl x509 -in ${shellWord(file)} -noout -subject   (shows what it is), then: npm run lab -- config set caFile FILE`,
      },
      cause,
    );
  }
}

/**
 * CA certificates for a TLS client that trusts a private CA. The option `ca` of Node.js replaces its own certificates and
 * those of NODE_EXTRA_CA_CERTS, so the list includes them.
 */
export function trustedWith(caFile: string, extra = process.env.NODE_EXTRA_CA_CERTS): string[] {
  return [...rootCertificates, readPrivateCa(caFile).pem, ...(extra ? [readFileSync(extra, "utf8")] : [])];
}
