import * as pulumi from "@pulumi/pulumi";
import { appNamespace, ports } from "../config/vocabulary";
import { type CallerRules, l7PolicySpec, waypointOnlySpec } from "./authorization";
import { customResource, type Specs } from "./custom-resource";

export interface PoliciesArgs extends CallerRules {
  /** Whether only the waypoint is allowed to connect to appb's pods. */
  closeBypass: boolean;
  /** Delay that the waypoint injects. @default none */
  fault?: FaultArgs;
}

export interface FaultArgs {
  /** Path prefix on appb. */
  path: string;
  /** Duration with unit, such as "2s". */
  delay: string;
  /** Share of the requests, 0 to 100. */
  percent: number;
}

/** The policies of appb, for callers and methods, and the fault that delays requests. */
export class Policies extends pulumi.ComponentResource {
  constructor(name: string, args: PoliciesArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:mesh:Policies", name, args, opts);
    customResource(
      `${name}-appb-l7`,
      {
        kind: "AuthorizationPolicy",
        metadata: { name: "appb-l7", namespace: appNamespace },
        spec: l7PolicySpec(args),
      },
      { prefix: name, parent: this },
    );
    if (args.closeBypass) {
      customResource(
        `${name}-appb-waypoint-only`,
        {
          kind: "AuthorizationPolicy",
          metadata: { name: "appb-waypoint-only", namespace: appNamespace },
          spec: waypointOnlySpec("appb"),
        },
        { prefix: name, parent: this },
      );
    }
    if (args.fault) {
      customResource(
        `${name}-appb-fault`,
        {
          kind: "VirtualService",
          metadata: { name: "appb-fault", namespace: appNamespace },
          spec: faultSpec(args.fault),
        },
        { prefix: name, parent: this },
      );
    }
    this.registerOutputs();
  }
}

/** Without the second route, the waypoint would answer every other path with 404. */
export function faultSpec({ path, delay, percent }: FaultArgs): Specs["VirtualService"] {
  const route = [{ destination: { host: "appb", port: { number: ports.service } } }];
  return {
    hosts: ["appb"],
    http: [
      {
        match: [{ uri: { prefix: path } }],
        fault: { delay: { fixedDelay: delay, percentage: { value: percent } } },
        route,
      },
      { route },
    ],
  };
}
