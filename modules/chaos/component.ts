import * as pulumi from "@pulumi/pulumi";
import { workload } from "../../components/workload";
import type { ModuleArgs } from "../args";

/**
 * A caller of appb that outlives what is done to appb's node: it runs under the identity of a caller that may call appb,
 * and on another node.
 */
export class Chaos extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:Chaos", name, {}, opts);
    const account = args.allowedCallers.find((caller) => caller !== "gateway") ?? "appa";
    workload({ name: "loadgen", mesh: true, account, awayFrom: "appb" }, args, this);
    this.registerOutputs();
  }
}
