import type * as pulumi from "@pulumi/pulumi";
import type { CallerRules } from "../components/authorization";
import type { Proxies } from "../components/rollout";
import type { WorkloadImage } from "../components/workload";
import type { ModuleName } from "../config/vocabulary";
import { Agentgateway } from "./agentgateway/component";
import { Chaos } from "./chaos/component";
import { CrossNamespace } from "./cross-namespace/component";
import { Egress } from "./egress/component";
import { GatewayJwt } from "./gateway-jwt/component";
import { GatewayTls } from "./gateway-tls/component";
import { Grpc } from "./grpc/component";
import { Layers } from "./l4-l7/component";
import { Resilience } from "./resilience/component";
import { StrictMtls } from "./strict-mtls/component";
import { Split } from "./traffic-split/component";

/** What modules are made of. */
export interface ModuleArgs extends WorkloadImage, CallerRules {
  /** Share of the requests that the second version of appb gets, 0 to 100. */
  splitWeight: number;
  /** What the Deployments of waypoints are awaited for. */
  proxies: Proxies;
  /** The modules' own images in the nodes. Empty when the nodes pull them. */
  images: pulumi.Resource[];
  /** DNS domain of the gateway. */
  domain: string;
  /** Port that readers reach the gateway's HTTPS listener at. */
  httpsPort: number;
  /** Whether a NodePort leads from the port that kind publishes on 127.0.0.1 to the gateway. */
  loopback: boolean;
  /** Folder of the stack's files, absolute. */
  stackDir: string;
  /** Identity of the cluster: files that went with another one are written again. */
  clusterId: pulumi.Output<string>;
}

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
