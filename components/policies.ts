import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { apiVersions, appNamespace, ports } from "../config/vocabulary";
import { type CallerRules, l7PolicySpec, waypointOnlySpec } from "./authorization";

export interface PoliciesArgs extends CallerRules {
  /** Whether only the waypoint may reach appb's pods. */
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

/** The policies of appb and the fault: allowed callers and methods, and the share of delayed requests. */
export class Policies extends pulumi.ComponentResource {
  constructor(name: string, args: PoliciesArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:mesh:Policies", name, {}, opts);
    new k8s.apiextensions.CustomResource(
      `${name}-appb-l7`,
      {
        apiVersion: apiVersions.AuthorizationPolicy,
        kind: "AuthorizationPolicy",
        metadata: { name: "appb-l7", namespace: appNamespace },
        spec: l7PolicySpec(args),
      },
      { parent: this },
    );
    if (args.closeBypass) {
      new k8s.apiextensions.CustomResource(
        `${name}-appb-waypoint-only`,
        {
          apiVersion: apiVersions.AuthorizationPolicy,
          kind: "AuthorizationPolicy",
          metadata: { name: "appb-waypoint-only", namespace: appNamespace },
          spec: waypointOnlySpec("appb"),
        },
        { parent: this },
      );
    }
    if (args.fault) {
      new k8s.apiextensions.CustomResource(
        `${name}-appb-fault`,
        {
          apiVersion: apiVersions.VirtualService,
          kind: "VirtualService",
          metadata: { name: "appb-fault", namespace: appNamespace },
          spec: faultSpec(args.fault),
        },
        { parent: this },
      );
    }
    this.registerOutputs();
  }
}

/** The second route keeps every other path alive: without it the waypoint answers them with 404. */
export function faultSpec({ path, delay, percent }: FaultArgs) {
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
