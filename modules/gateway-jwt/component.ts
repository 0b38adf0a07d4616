import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Specs } from "../../components/custom-resource";
import { appNamespace, gatewayName, ports } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { moduleObject, secretData } from "../resources";
import { tlsSdk } from "../tls-sdk";
import { publicJwk } from "./jwk";
import { audienceOf, claim, hostOf, issuerOf, secret } from "./objects";

/** A host of the gateway that demands a token of the lab's own issuer, with a certain claim. */
export class GatewayJwt extends pulumi.ComponentResource {
  constructor(name: string, { domain }: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:GatewayJwt", name, { domain }, opts);
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
    moduleObject("RequestAuthentication", name, authenticationSpec(domain, jwks), { ...own, prefix: name });
    moduleObject("AuthorizationPolicy", `${name}-claim`, claimSpec(domain), { ...own, prefix: name });
    moduleObject(
      "HTTPRoute",
      `${name}-route`,
      {
        parentRefs: [{ name: gatewayName, sectionName: "http" }],
        hostnames: [hostOf(domain)],
        rules: [{ backendRefs: [{ name: "appb", port: ports.service }] }],
      },
      { ...own, prefix: name },
    );
    this.registerOutputs();
  }
}

const targetRefs = [{ group: "gateway.networking.k8s.io", kind: "Gateway" as const, name: gatewayName }];

/** The issuer whose tokens the gateway accepts. It has no host: a bad token is refused at every host of the gateway. */
const authenticationSpec = (domain: string, jwks: pulumi.Input<string>) => ({
  targetRefs,
  jwtRules: [{ issuer: issuerOf(domain), audiences: [audienceOf(domain)], jwks }],
});

/**
 * DENY rules for one host: an ALLOW policy would refuse the requests for the gateway's other hosts. The gateway routes a Host
 * header with a port like one without, so that the rules name both.
 */
function claimSpec(domain: string): Specs["AuthorizationPolicy"] {
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
