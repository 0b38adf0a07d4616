import * as pulumi from "@pulumi/pulumi";
import { fetchArtifacts } from "./artifacts/fetch";
import { adaptAddon } from "./components/addon-settings";
import { loadConfig } from "./config/stack-config";
import { requireStackName } from "./config/stack-name";
import { artifactsOf } from "./config/versions";
import { formatProblem, LabError, ofStack, problemsIn } from "./host/errors";
import { exec } from "./host/exec";
import { labOwner } from "./host/lab-owner";
import { checkHost } from "./preflight/host";
import { artifactNames } from "./program/charts";
import { declareLab } from "./program/lab";

/** The Pulumi program: configuration, the machine, the artifacts, then the lab itself (program/lab.ts). */
export = async () => {
  const stack = pulumi.getStack();
  try {
    requireStackName(stack);
    const config = loadConfig();
    const looks = checkHost(config, stack, exec, { makes: !pulumi.runtime.isDryRun() });
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
    // The engine prints a RunError as it is, and every other error with a stack trace.
    if (!(error instanceof LabError)) throw error;
    throw new pulumi.RunError(
      problemsIn(error)
        .map((problem) => formatProblem(ofStack(problem, stack)))
        .join("\n"),
    );
  }
};
