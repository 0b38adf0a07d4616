import * as pulumi from "@pulumi/pulumi";
import { fetchArtifacts } from "./artifacts/fetch";
import { adaptAddon } from "./components/addon-settings";
import type { DeclaredObject } from "./components/ownership";
import type { LabConfig } from "./config/schema";
import { loadConfig } from "./config/stack-config";
import { requireStackName } from "./config/stack-name";
import { artifactsOf } from "./config/versions";
import { formatProblem, LabError, ofStack, problemsIn } from "./host/errors";
import { exec } from "./host/exec";
import { openApi } from "./host/kube-api";
import { labOwner, stateOwner } from "./host/lab-owner";
import { ownerRecord, requireOwnObjects } from "./preflight/foreign-objects";
import { checkHost } from "./preflight/host";
import { artifactNames } from "./program/artifacts";
import { declareLab, type LabInput } from "./program/lab";

/** The Pulumi program: configuration, the machine, the artifacts, then the lab itself (program/lab.ts). */
export = async () => {
  const stack = pulumi.getStack();
  try {
    requireStackName(stack);
    const config = loadConfig();
    const refused = new AbortController();
    const checking = checkHost(config, stack, exec, { makes: !pulumi.runtime.isDryRun() }).catch((cause: unknown) => {
      // The SDK lets Node.js end by itself, which open connections put off (@pulumi/pulumi, cmd/run/index.js).
      refused.abort();
      throw cause;
    });
    const fetching = async () =>
      fetchArtifacts({
        source: config.artifactSource,
        caFile: config.caFile,
        bill: artifactsOf(config),
        signal: refused.signal,
        // Only an existing cluster can already have some components. For kind, the download does not wait for the checks.
        names: artifactNames(config, config.cluster === "existing" ? await checking : {}),
        adapt: (name, manifest) => adaptAddon(name, manifest, config),
      });
    const [host, artifacts] = await Promise.all([checking, fetching()]);
    const claim = config.cluster === "existing" ? claimOf(stack, config) : {};
    const organization = pulumi.getOrganization();
    return declareLab({ stack, owner: labOwner(), organization, config, artifacts, host, ...claim });
  } catch (error) {
    throw printable(error, stack);
  }
};

function claimOf(stack: string, { kubeconfig = "", context = "" }: LabConfig): Pick<LabInput, "claim"> {
  const address = { kubeconfig, context };
  const owner = stateOwner(pulumi.getOrganization());
  const requireOwn = async (objects: readonly DeclaredObject[]) =>
    requireOwnObjects(await openApi(address), objects, { stack, owner, address });
  return {
    claim: {
      record: ownerRecord(stack, owner),
      requireOwn: (objects) =>
        requireOwn(objects).catch((error: unknown) => {
          throw printable(error, stack);
        }),
    },
  };
}

/** The engine prints a RunError as it is, and every other error with a stack trace. */
function printable(error: unknown, stack: string): unknown {
  if (!(error instanceof LabError)) return error;
  return new pulumi.RunError(
    problemsIn(error)
      .map((problem) => formatProblem(ofStack(problem, stack)))
      .join("\n"),
  );
}
