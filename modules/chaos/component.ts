import * as pulumi from "@pulumi/pulumi";
import { workload } from "../../components/workload";
import type { ModuleArgs } from "../components";

/**
 * A caller of appb that outlives what is done to appb's node: it runs under the identity of a caller that may call appb,
 * and on another node.
 */
export class Chaos extends pulumi.ComponentResource {
  constructor(name: string, args: ModuleArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("ambientlab:modules:Chaos", name, { allowedCallers: args.allowedCallers, image: args.image }, opts);
    const account = args.allowedCallers.find((caller) => caller !== "gateway") ?? "appa";
    workload({ name: "loadgen", mesh: true, account, awayFrom: "appb" }, args, { prefix: name, parent: this });
    this.registerOutputs();
  }
}
