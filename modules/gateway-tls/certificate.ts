import * as pulumi from "@pulumi/pulumi";
import { tlsSdk } from "../tls-sdk";
import { days } from "./objects";

/** A certificate for a host, its key, and the CA that signed it, in PEM. */
export interface GatewayCertificate {
  /** The lab's own CA, which clients must trust. */
  ca: pulumi.Output<string>;
  certificate: pulumi.Output<string>;
  /** A secret of the state. */
  key: pulumi.Output<string>;
}

const hours = (days: number) => days * 24;
const curve = { algorithm: "ECDSA", ecdsaCurve: "P256" };

/**
 * Creates the lab's own CA, and a certificate for a host that it signs. From 30 days before the end of its validity, a preview
 * shows that the certificate is to be replaced, and an update replaces it.
 */
export function gatewayCertificate(name: string, host: string, opts: pulumi.CustomResourceOptions): GatewayCertificate {
  const tls = tlsSdk();
  const caKey = new tls.PrivateKey(`${name}-ca-key`, curve, opts);
  const ca = new tls.SelfSignedCert(
    `${name}-ca`,
    {
      privateKeyPem: caKey.privateKeyPem,
      subject: { commonName: "Ambient lab CA", organization: "ambient-lab" },
      isCaCertificate: true,
      setSubjectKeyId: true,
      allowedUses: ["cert_signing", "crl_signing"],
      validityPeriodHours: hours(days.ca),
      earlyRenewalHours: hours(days.certificate),
    },
    opts,
  );
  const key = new tls.PrivateKey(`${name}-key`, curve, opts);
  const request = new tls.CertRequest(
    `${name}-request`,
    // Clients check DNS names only; a common name has at most 64 characters.
    { privateKeyPem: key.privateKeyPem, dnsNames: [host], subject: { commonName: "Ambient lab gateway" } },
    opts,
  );
  const certificate = new tls.LocallySignedCert(
    `${name}-certificate`,
    {
      certRequestPem: request.certRequestPem,
      caPrivateKeyPem: caKey.privateKeyPem,
      caCertPem: ca.certPem,
      allowedUses: ["digital_signature", "server_auth"],
      validityPeriodHours: hours(days.certificate),
      earlyRenewalHours: hours(days.renewal),
    },
    opts,
  );
  return { ca: ca.certPem, certificate: certificate.certPem, key: pulumi.secret(key.privateKeyPem) };
}
