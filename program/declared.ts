import * as pulumi from "@pulumi/pulumi";

/** Kinds of objects that affect the lab's traffic, without Secrets, which must not be copied into the outputs, and workloads. */
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

  /** A transformation that records each object. */
  readonly note: pulumi.ResourceTransformation = ({ props }) => {
    if (!kinds.has(props?.kind)) return undefined;
    const { apiVersion, kind, metadata, spec } = props;
    this.#objects.push(pulumi.output({ apiVersion, kind, metadata, spec }));
    return undefined;
  };

  /** The recorded objects. A secret, so that the engine does not print hundreds of lines after each `up`. */
  output(): pulumi.Output<unknown[]> {
    return pulumi.secret(pulumi.all(this.#objects));
  }
}
