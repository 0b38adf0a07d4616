import { join } from "node:path";
import * as command from "@pulumi/command";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Specs } from "../../components/custom-resource";
import { loopback } from "../../components/loopback";
import { commandDefaults, script, scriptTexts } from "../../components/script";
import { appNamespace, gatewayName, ports } from "../../config/vocabulary";
import type { ModuleArgs } from "../args";
import { moduleObject, secretData } from "../resources";
import { gatewayCertificate } from "./certificate";
import { hostOf } from "./objects";

/** File of the CA that clients of the stack's gateway must trust. */
export const caFileOf = (stackDir: string): string => join(stackDir, "gateway-ca.pem");

/** Name of the module's Secret and routes. */
const ownName = "gateway-tls";

/**
 * The HTTPS listener that the module adds to the Gateway, for one host: routes of other hosts stay with the HTTP listener. The
 * Secret must exist before the listener.
 */
export const httpsListener = (domain: string): Specs["Gateway"]["listeners"][number] => ({
  name: "https",
  hostname: hostOf(domain),
  port: 443,
  protocol: "HTTPS",
  tls: { mode: "Terminate", certificateRefs: [{ group: "", kind: "Secret", name: ownName }] },
  allowedRoutes: { namespaces: { from: "Same" } },
});

/** Certificate and routes of an HTTPS host, and a redirect to it. The Gateway's listener is {@link httpsListener}. */
export class GatewayTls extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super(
      "ambientlab:modules:GatewayTls",
      name,
      { domain: args.domain, httpsPort: args.httpsPort, loopback: args.loopback },
      opts,
    );
    const own = { parent: this };
    const host = hostOf(args.domain);
    const { ca, certificate, key } = gatewayCertificate(name, host, own);
    new k8s.core.v1.Secret(
      `${name}-secret`,
      {
        metadata: { name: ownName, namespace: appNamespace },
        type: "kubernetes.io/tls",
        data: { "tls.crt": secretData(certificate), "tls.key": secretData(key) },
      },
      own,
    );
    caFile(name, ca, args, own);
    moduleObject("HTTPRoute", name, secureRoute(host), { ...own, prefix: name });
    moduleObject("HTTPRoute", `${name}-redirect`, redirectRoute(host, args.httpsPort), { ...own, prefix: name });
    if (args.loopback) loopback(`${name}-loopback`, { name: `${name}-loopback`, listener: "https" }, own);
    this.registerOutputs();
  }
}

const secureRoute = (host: string) => ({
  parentRefs: [{ name: gatewayName, sectionName: "https" }],
  hostnames: [host],
  rules: [{ backendRefs: [{ name: "appb", port: ports.service }] }],
});

/** Redirects to the port at which clients reach HTTPS, which is not 443 behind a published port. */
const redirectRoute = (host: string, port: number): Specs["HTTPRoute"] => ({
  parentRefs: [{ name: gatewayName, sectionName: "http" }],
  hostnames: [host],
  rules: [{ filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", port, statusCode: 301 } }] }],
});

function caFile(
  name: string,
  ca: pulumi.Output<string>,
  { stackDir, clusterId }: Pick<ModuleArgs, "stackDir" | "clusterId">,
  opts: pulumi.CustomResourceOptions,
): void {
  new command.local.Command(
    `${name}-ca-file`,
    {
      ...commandDefaults,
      create: script("ca-file"),
      delete: scriptTexts("ca-file-remove"),
      environment: { CA_FILE: caFileOf(stackDir), CA_PEM: ca },
      triggers: [clusterId],
    },
    opts,
  );
}
