import * as pulumi from "@pulumi/pulumi";
import { meshNamespace } from "../config/vocabulary";
import { bundle } from "./bundle";

export interface AddonsArgs {
  /** Chart folder of each addon to install. */
  charts: Readonly<Record<string, string>>;
  /** Dependencies of the addons: their namespace, and their images in the nodes. */
  after: pulumi.Resource[];
}

/** Dashboards from Istio's samples, configured for ambient traffic (addon-settings.ts). */
export class Addons extends pulumi.ComponentResource {
  constructor(name: string, args: AddonsArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:observability:Addons", name, { charts: args.charts }, opts);
    for (const [addon, chart] of Object.entries(args.charts)) {
      bundle(addon, { chart, namespace: meshNamespace }, { prefix: name, parent: this, dependsOn: args.after });
    }
    this.registerOutputs();
  }
}
