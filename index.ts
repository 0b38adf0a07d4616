import * as pulumi from "@pulumi/pulumi";
import { fetchArtifacts } from "./artifacts";
import { adaptAddon } from "./components/addon-settings";
import { loadConfig } from "./config";
import { LabError } from "./errors";
import { exec } from "./exec";
import { checkHost } from "./host-check";
import { declareLab } from "./lab";
import { labOwner } from "./lab-owner";
import { artifactNames } from "./lab-parts";
import { artifactsOf } from "./versions";

/** The Pulumi program: configuration, the machine, the artifacts, then the lab itself (lab.ts). */
export = async () => {
  try {
    const stack = pulumi.getStack();
    const config = loadConfig();
    const looks = checkHost(config, stack, exec);
    const bring = async () =>
      fetchArtifacts({
        source: config.artifactSource,
        caFile: config.caFile,
        bill: artifactsOf(config.istioVersion),
        // Only an existing cluster may have a part already: kind's does not let the charts wait for the look at Docker.
        names: artifactNames(config, config.cluster === "existing" ? await looks : {}),
        adapt: (name, manifest) => adaptAddon(name, manifest, config),
      });
    const [host, artifacts] = await Promise.all([looks, bring()]);
    return declareLab({ stack, owner: labOwner(), config, artifacts, host });
  } catch (error) {
    // The engine prints a RunError as it is, and everything else with a stack trace that helps nobody here.
    throw error instanceof LabError ? new pulumi.RunError(error.message) : error;
  }
};
