import type * as pulumi from "@pulumi/pulumi";
import { Agentgateway } from "./agentgateway/component";
import type { ModuleArgs } from "./args";
import { Chaos } from "./chaos/component";
import { CrossNamespace } from "./cross-namespace/component";
import { Egress } from "./egress/component";
import { GatewayJwt } from "./gateway-jwt/component";
import { GatewayTls } from "./gateway-tls/component";
import { Grpc } from "./grpc/component";
import type { ModuleName } from "./index";
import { Layers } from "./l4-l7/component";
import { Resilience } from "./resilience/component";
import { StrictMtls } from "./strict-mtls/component";
import { Split } from "./traffic-split/component";

type Module = new (name: string, args: ModuleArgs, opts?: pulumi.ComponentResourceOptions) => pulumi.ComponentResource;

/** The component of each module. One without a component changes nothing of the lab: it allows proofs that do. */
const moduleComponents: Readonly<Record<ModuleName, Module | undefined>> = {
  "fail-open": undefined,
  "l4-l7": Layers,
  "traffic-split": Split,
  resilience: Resilience,
  egress: Egress,
  "cross-namespace": CrossNamespace,
  grpc: Grpc,
  "strict-mtls": StrictMtls,
  chaos: Chaos,
  "gateway-tls": GatewayTls,
  "gateway-jwt": GatewayJwt,
  agentgateway: Agentgateway,
};

/** Declares what the modules of a lab are made of. @returns the component of each that has one */
export function makeModules(
  names: readonly ModuleName[],
  args: ModuleArgs,
  opts: pulumi.ComponentResourceOptions,
): ReadonlyMap<ModuleName, pulumi.ComponentResource> {
  const made = new Map<ModuleName, pulumi.ComponentResource>();
  for (const name of names) {
    const Component = moduleComponents[name];
    if (Component) made.set(name, new Component(name, args, opts));
  }
  return made;
}
