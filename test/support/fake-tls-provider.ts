import { generateKeyPairSync } from "node:crypto";

/** The contents of a certificate in tests; its DER is this object as JSON. */
export interface FakeCertificate {
  /** DNS names. */
  names: string[];
  /** Common name of the issuing CA. */
  issuer: string;
  notBefore: string;
  notAfter: string;
}

const issuedAt = "2026-11-20T00:00:00Z";
const { publicKey, privateKey } = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "sec1", format: "pem" },
});

const pem = (label: string, contents: unknown): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(JSON.stringify(contents)).toString("base64")}\n-----END ${label}-----\n`;

const contentsOf = (text: unknown): Record<string, unknown> =>
  JSON.parse(Buffer.from(String(text).split("\n")[1] ?? "", "base64").toString());

/** The certificate in PEM. */
export const certificatePem = (certificate: FakeCertificate): string => pem("CERTIFICATE", certificate);

const commonName = ({ subject }: Record<string, unknown>): string =>
  (subject as { commonName: string } | undefined)?.commonName ?? "";

/** The outputs that Pulumi's TLS provider computes from the inputs of its resources, by type. */
export const tlsOutputs: Readonly<
  Record<string, (inputs: Record<string, unknown>) => Readonly<Record<string, unknown>>>
> = {
  "tls:index/privateKey:PrivateKey": () => ({ publicKeyPem: publicKey, privateKeyPem: privateKey }),
  "tls:index/selfSignedCert:SelfSignedCert": (inputs) => ({
    certPem: pem("CERTIFICATE", { issuer: commonName(inputs) }),
  }),
  "tls:index/certRequest:CertRequest": ({ dnsNames }) => ({
    certRequestPem: pem("CERTIFICATE REQUEST", { names: dnsNames }),
  }),
  "tls:index/locallySignedCert:LocallySignedCert": ({ certRequestPem, caCertPem, validityPeriodHours }) => ({
    certPem: certificatePem({
      names: contentsOf(certRequestPem).names as string[],
      issuer: contentsOf(caCertPem).issuer as string,
      notBefore: issuedAt,
      notAfter: new Date(Date.parse(issuedAt) + Number(validityPeriodHours) * 3_600_000).toISOString(),
    }),
  }),
};
