import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { appNamespace, gatewayName, ports } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { moduleObject, secretData } from "../resources";
import { tlsSdk } from "../tls-sdk";
import { publicJwk } from "./jwk";
import { audienceOf, claim, hostOf, issuerOf, secret } from "./objects";

/** A host that lets in bearers of a token of the lab's own issuer, and of those the ones with a claim. */
export class GatewayJwt extends pulumi.ComponentResource {
  constructor(name: string, { domain }: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:GatewayJwt", name, {}, opts);
    const own = { parent: this };
    const tls = tlsSdk();
    const key = new tls.PrivateKey(`${name}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, own);
    new k8s.core.v1.Secret(
      `${name}-issuer`,
      {
        metadata: { name: secret.name, namespace: appNamespace },
        data: { [secret.key]: secretData(pulumi.secret(key.privateKeyPem)) },
      },
      own,
    );
    const jwks = key.publicKeyPem.apply((pem) => JSON.stringify({ keys: [publicJwk(pem)] }));
    moduleObject("RequestAuthentication", name, authenticationSpec(domain, jwks), own);
    moduleObject("AuthorizationPolicy", `${name}-claim`, claimSpec(domain), own);
    moduleObject(
      "HTTPRoute",
      `${name}-route`,
      {
        parentRefs: [{ name: gatewayName, sectionName: "http" }],
        hostnames: [hostOf(domain)],
        rules: [{ backendRefs: [{ name: "appb", port: ports.service }] }],
      },
      own,
    );
    this.registerOutputs();
  }
}

const targetRefs = [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: gatewayName }];

/** Whose tokens the gateway takes. It has no host: whoever shows a bad token is refused at every name of the gateway. */
const authenticationSpec = (domain: string, jwks: pulumi.Input<string>) => ({
  targetRefs,
  jwtRules: [{ issuer: issuerOf(domain), audiences: [audienceOf(domain)], jwks }],
});

/**
 * Denials for one host, so that the gateway's other names stay open: an ALLOW policy would shut them. A host may come with a
 * port behind it, and the gateway routes it all the same.
 */
export function claimSpec(domain: string) {
  const to = [{ operation: { hosts: [hostOf(domain), `${hostOf(domain)}:*`] } }];
  return {
    targetRefs,
    action: "DENY",
    rules: [
      { from: [{ source: { notRequestPrincipals: ["*"] } }], to },
      { to, when: [{ key: `request.auth.claims[${claim.name}]`, notValues: [claim.value] }] },
    ],
  };
}
