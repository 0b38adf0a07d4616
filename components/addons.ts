import * as pulumi from "@pulumi/pulumi";
import { meshNamespace } from "../config/vocabulary";
import { bundle } from "./bundle";

export interface AddonsArgs {
  /** Chart folder of each addon to install. */
  charts: Readonly<Record<string, string>>;
  /** What must be there before an addon starts: its namespace and its images in the nodes. */
  after: pulumi.Resource[];
}

/** Dashboards from Istio's samples, wired so that ambient traffic shows (addon-settings.ts). */
export class Addons extends pulumi.ComponentResource {
  constructor(name: string, args: AddonsArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:observability:Addons", name, { charts: args.charts }, opts);
    for (const [addon, chart] of Object.entries(args.charts)) {
      bundle(addon, { chart, namespace: meshNamespace }, { prefix: name, parent: this, dependsOn: args.after });
    }
    this.registerOutputs();
  }
}
