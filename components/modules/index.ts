import type * as pulumi from "@pulumi/pulumi";
import type { ModuleName } from "../../experiments/types";
import type { CallerRules } from "../authorization";
import type { WorkloadImage } from "../workload";
import { Layers } from "./layers";

/** What modules are made of. */
export interface ModuleArgs extends WorkloadImage, CallerRules {}

type Module = new (name: string, args: ModuleArgs, opts?: pulumi.ComponentResourceOptions) => pulumi.ComponentResource;

/** The component of each module. One without a component changes nothing of the lab: it allows proofs that do. */
export const moduleComponents: Readonly<Record<ModuleName, Module | undefined>> = {
  "fail-open": undefined,
  "l4-l7": Layers,
};
