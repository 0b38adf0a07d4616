import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { ExitCode, LabError, messageOf } from "../host/errors";
import { shellWord } from "../host/shell";

/** The certificates of a private CA, as a file holds them. */
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
    // The first certificate of a chain; a key or a DER file is none.
    new X509Certificate(pem);
    return { pem, digest: createHash("sha256").update(pem).digest("hex") };
  } catch (cause) {
    throw new LabError(
      {
        what: `"${file}" holds no certificate in PEM: ${messageOf(cause)}`,
        why: "caFile or NODE_EXTRA_CA_CERTS names it, and the lab and its nodes are to trust what is in it",
        fix: `openssl x509 -in ${shellWord(file)} -noout -subject   (what is it?), then: npm run lab -- config set caFile FILE`,
      },
      { exitCode: ExitCode.unfit, cause },
    );
  }
}

/**
 * What TLS trusts with a private CA: a list given to Node.js takes the place of its own certificates and of those of
 * NODE_EXTRA_CA_CERTS, so these are in it as well.
 */
export function trustedWith(caFile: string, extra = process.env.NODE_EXTRA_CA_CERTS): string[] {
  return [...rootCertificates, readPrivateCa(caFile).pem, ...(extra ? [readFileSync(extra, "utf8")] : [])];
}
