import type * as pulumi from "@pulumi/pulumi";
import { Agentgateway } from "./agentgateway/component";
import type { ModuleArgs } from "./args";
import { Chaos } from "./chaos/component";
import { Cost } from "./cost/component";
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

/** The component of each module; undefined for a module that declares no objects. */
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
  cost: Cost,
};

/** Declares the objects of modules. @returns the component of each module that has one */
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
