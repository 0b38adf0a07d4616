import type * as pulumi from "@pulumi/pulumi";
import type { ModuleName } from "../../experiments/types";
import type { CallerRules } from "../authorization";
import type { Proxies } from "../rollout";
import type { WorkloadImage } from "../workload";
import { Agentgateway } from "./agentgateway";
import { Chaos } from "./chaos";
import { CrossNamespace } from "./cross-namespace";
import { Egress } from "./egress";
import { GatewayJwt } from "./gateway-jwt";
import { GatewayTls } from "./gateway-tls";
import { Grpc } from "./grpc";
import { Layers } from "./layers";
import { Resilience } from "./resilience";
import { Split } from "./split";
import { StrictMtls } from "./strict-mtls";

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
