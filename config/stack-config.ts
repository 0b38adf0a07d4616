import * as pulumi from "@pulumi/pulumi";
import { parseConfig } from "./load";
import type { LabConfig } from "./schema";

/**
 * The configuration of the running program's stack.
 * @throws LabErrors (exit code 2) with every problem at once
 */
export function loadConfig(): LabConfig {
  const namespace = `${pulumi.getProject()}:`;
  const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(namespace));
  return parseConfig(Object.fromEntries(own.map(([key, value]) => [key.slice(namespace.length), value])));
}
