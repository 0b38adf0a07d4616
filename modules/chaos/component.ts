import * as pulumi from "@pulumi/pulumi";
import { workload } from "../../components/workload";
import type { ModuleArgs } from "../args";

/**
 * A client of appb that survives a kill of appb's node: it runs on another node, under the identity of an allowed caller.
 */
export class Chaos extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:Chaos", name, { allowedCallers: args.allowedCallers, image: args.image }, opts);
    const account = args.allowedCallers.find((caller) => caller !== "gateway") ?? "appa";
    workload({ name: "loadgen", mesh: true, account, awayFrom: "appb" }, args, { prefix: name, parent: this });
    this.registerOutputs();
  }
}
