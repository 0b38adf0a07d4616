import type * as pulumi from "@pulumi/pulumi";
import type { CallerRules } from "../components/authorization";
import type { Proxies } from "../components/rollout";
import type { WorkloadImage } from "../components/workload";

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
