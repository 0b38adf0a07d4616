import * as k8s from "@pulumi/kubernetes";
import { type ChildOptions, child } from "./child";

export interface BundleArgs {
  /** Path of a packed chart or of a chart folder on this machine. */
  chart: string;
  namespace: string;
  /** Plain values only: an unknown Output would hide the diff. */
  values?: Record<string, unknown>;
}

/**
 * A third-party bundle as one Helm release. A policy change took 3.6 s, and 31 to 47 s with every object of the bundles in the
 * state (docs/explanation/decisions/0002).
 * @param name name of the release
 */
export function bundle(name: string, args: BundleArgs, options: ChildOptions): k8s.helm.v3.Release {
  return new k8s.helm.v3.Release(
    ...child(name, options, {
      name,
      chart: args.chart,
      namespace: args.namespace,
      ...(args.values ? { values: args.values } : {}),
      timeout: 600,
      maxHistory: 3,
    }),
  );
}
