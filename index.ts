import * as pulumi from "@pulumi/pulumi";
import { fetchArtifacts } from "./artifacts";
import { adaptAddon } from "./components/addon-settings";
import { loadConfig } from "./config";
import { LabError } from "./errors";
import { exec } from "./exec";
import { checkHost } from "./host-check";
import { artifactNames, declareLab } from "./lab";
import { artifactsOf } from "./versions";

/** The Pulumi program: configuration, the machine, the artifacts, then the lab itself (lab.ts). */
export = async () => {
  try {
    const stack = pulumi.getStack();
    const config = loadConfig();
    const host = await checkHost(config, stack, exec);
    const artifacts = await fetchArtifacts({
      source: config.artifactSource,
      bill: artifactsOf(config.istioVersion),
      names: artifactNames(config, host),
      adapt: (name, manifest) => adaptAddon(name, manifest, config),
    });
    return declareLab({ stack, config, artifacts, host });
  } catch (error) {
    // The engine prints a RunError as it is, and everything else with a stack trace that helps nobody here.
    throw error instanceof LabError ? new pulumi.RunError(error.message) : error;
  }
};
