import type * as pulumi from "@pulumi/pulumi";
import type { CallerRules } from "../components/authorization";
import type { Proxies } from "../components/rollout";
import type { WorkloadImage } from "../components/workload";
import type { ModuleName } from "./index";

/** Arguments of every module's component. */
export interface ModuleArgs extends WorkloadImage, CallerRules {
  /** The modules of the lab. */
  modules: readonly ModuleName[];
  /** Share of the requests that the second version of appb gets, 0 to 100. */
  splitWeight: number;
  /** The proxies that Deployments of waypoints must run before they count as ready. */
  proxies: Proxies;
  /** Loading of the modules' own images into the nodes. Empty when the nodes pull them. */
  images: pulumi.Resource[];
  /** DNS domain of the gateway. */
  domain: string;
  /** Port at which clients reach the gateway's HTTPS listener. */
  httpsPort: number;
  /** Whether a NodePort leads from the port that kind publishes on 127.0.0.1 to the gateway. */
  loopback: boolean;
  /** Folder of the stack's files, absolute. */
  stackDir: string;
  /** Identity of the cluster: files that belong to one cluster are written again for the next. */
  clusterId: pulumi.Output<string>;
}
