import * as pulumi from "@pulumi/pulumi";

/**
 * Kinds of the lab's own objects that decide about its traffic. Secrets stay out: they would be copied into the outputs; and so do
 * workloads, whose state is not that of their spec.
 */
const kinds: ReadonlySet<string> = new Set([
  "AuthorizationPolicy",
  "DestinationRule",
  "EnvoyFilter",
  "Gateway",
  "GatewayClass",
  "HTTPRoute",
  "IPAddressPool",
  "L2Advertisement",
  "Namespace",
  "PeerAuthentication",
  "RequestAuthentication",
  "Service",
  "ServiceEntry",
  "VirtualService",
]);

/** The objects that the program declares, for the outputs: the verifier compares cluster and proxies with them. */
export class DeclaredObjects {
  readonly #objects: pulumi.Output<unknown>[] = [];

  /** Notes what is declared. */
  readonly note: pulumi.ResourceTransformation = ({ props }) => {
    if (!kinds.has(props?.kind)) return undefined;
    const { apiVersion, kind, metadata, spec } = props;
    this.#objects.push(pulumi.output({ apiVersion, kind, metadata, spec }));
    return undefined;
  };

  /** All that was declared until now. A secret, so that the engine does not print some hundred lines of it after each "up". */
  output(): pulumi.Output<unknown[]> {
    return pulumi.secret(pulumi.all(this.#objects));
  }
}
