import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { appNamespace, appPort, principal, serviceAccountOf, waypointName } from "./names";

export interface PoliciesArgs {
  /** Callers of appb: `appa`, `gateway`, `stranger`. None of them denies everybody. */
  allowedCallers: readonly string[];
  allowedMethods: readonly string[];
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

/** What the experiments change: who may call appb, how, and which share of the calls is delayed. */
export class Policies extends pulumi.ComponentResource {
  constructor(name: string, args: PoliciesArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:mesh:Policies", name, {}, opts);
    new k8s.apiextensions.CustomResource(
      `${name}-appb-l7`,
      {
        apiVersion: "security.istio.io/v1",
        kind: "AuthorizationPolicy",
        metadata: { name: "appb-l7", namespace: appNamespace },
        spec: l7PolicySpec(args),
      },
      { parent: this },
    );
    if (args.closeBypass) {
      // A pod that dials appb's pod, or is not in the mesh, never meets the waypoint: its own ztunnel must refuse it.
      new k8s.apiextensions.CustomResource(
        `${name}-appb-waypoint-only`,
        {
          apiVersion: "security.istio.io/v1",
          kind: "AuthorizationPolicy",
          metadata: { name: "appb-waypoint-only", namespace: appNamespace },
          spec: {
            selector: { matchLabels: { app: "appb" } },
            action: "ALLOW",
            rules: [{ from: [{ source: { principals: [principal(waypointName)] } }] }],
          },
        },
        { parent: this },
      );
    }
    if (args.fault) {
      new k8s.apiextensions.CustomResource(
        `${name}-appb-fault`,
        {
          apiVersion: "networking.istio.io/v1",
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

/** An ALLOW policy without a rule allows nobody: that is what an empty list of callers asks for. */
export function l7PolicySpec({ allowedCallers, allowedMethods }: PoliciesArgs) {
  const principals = allowedCallers.map((caller) => principal(serviceAccountOf(caller)));
  const rule = { from: [{ source: { principals } }], to: [{ operation: { methods: [...allowedMethods] } }] };
  return {
    targetRefs: [{ group: "", kind: "Service", name: "appb" }],
    action: "ALLOW",
    ...(principals.length > 0 ? { rules: [rule] } : {}),
  };
}

/** The second route keeps every other path alive: without it the waypoint answers them with 404. */
export function faultSpec({ path, delay, percent }: FaultArgs) {
  const route = [{ destination: { host: "appb", port: { number: appPort.service } } }];
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
