import { PolicyPack } from "@pulumi/policy";
import { policies } from "./pack";

new PolicyPack("ambient-lab", { policies });
