import { isDeepStrictEqual } from "node:util";
import type { Command } from "commander";
import type { LabConfig } from "../../config/schema";
import { type ClusterState, clusterState } from "../../host/cluster-state";
import { driftTexts, findDrift } from "../recovery/drift";
import { type LabOutputs, labAddress, readOutputs, summaryText } from "../stack/lab";
import { type CommonOptions, openSession, type Session, sessionEngine, stackExists } from "../stack/session";
import { type CommandContext, common, examples, json, jsonText } from "./common";

/** `status`: shows the stack's outputs, the state of its cluster, and drift. */
export function registerStatus(program: Command, { io }: CommandContext): void {
  const command = program.command("status").description("show the lab's address, its cluster and signs of drift");
  examples(json(common(command)), "npm run lab -- status", "npm run lab -- status --stack alice --json");
  command.action(async (options: CommonOptions & { json?: boolean }) => {
    const session = openSession(io, options);
    const { stack, config } = session;
    const engine = await sessionEngine(session, { install: false, makesClusters: false });
    if (!(await stackExists(engine, stack))) {
      io.stdout.write(
        options.json
          ? jsonText({ stack, exists: false })
          : `There is no lab "${stack}". Make it: npm run up -- --stack ${stack}\n`,
      );
      return;
    }
    const outputs = readOutputs(await engine.outputs());
    const { resources, pending } = await engine.state();
    const cluster = await clusterOf(session);
    const reachable = cluster === "running" || cluster === "existing";
    const address = labAddress(resources);
    const drift = reachable && address ? await findDrift(resources, address) : undefined;
    const hints = [
      ...driftHints({ outputs, config, cluster, pending: pending.length }),
      ...(drift ? driftTexts(drift) : []),
    ];
    if (options.json) {
      io.stdout.write(jsonText({ stack, exists: true, cluster, resources: resources.length, hints, ...outputs }));
      return;
    }
    const head = outputs.url ? headText(stack, outputs, cluster) : `Lab "${stack}" was never finished.\n`;
    io.stdout.write(
      [
        head,
        `Cluster: ${cluster}; ${resources.length} resources in the state`,
        ...hints.map((hint) => `! ${hint}`),
        "",
      ].join("\n"),
    );
  });
}

function headText(stack: string, outputs: LabOutputs, cluster: ClusterState | "existing"): string {
  if (cluster !== "paused") return summaryText(stack, outputs);
  return `Lab "${stack}" is paused: none of its nodes runs.\n\nNext:\n  npm run lab -- resume --stack ${stack}\n`;
}

/** State of the stack's cluster. */
async function clusterOf({ config, io, stack }: Session): Promise<ClusterState | "existing"> {
  return config.cluster === "existing" ? "existing" : clusterState(stack, io.exec);
}

interface Drift {
  outputs: LabOutputs;
  config: LabConfig;
  cluster: ClusterState | "existing";
  pending: number;
}

/** Hints that need no request to the cluster. */
function driftHints({ outputs, config, cluster, pending }: Drift): string[] {
  const current = new Map<string, unknown>(Object.entries(config));
  const changed = Object.entries(outputs.settings ?? {})
    .filter(([key, value]) => current.has(key) && !isDeepStrictEqual(current.get(key), value))
    .map(([key]) => key);
  return [
    ...(changed.length > 0
      ? [`Configuration changed since the last "up": ${changed.join(", ")}   (npm run preview)`]
      : []),
    ...(cluster === "absent" && outputs.url ? ['The cluster is gone: the next "npm run up" creates it again'] : []),
    ...(cluster === "foreign"
      ? ['Docker has a cluster of this name that is not this stack\'s: "npm run lab -- doctor" names its owner']
      : []),
    ...(cluster === "stopped" ? ['Containers of the cluster are stopped: "npm run lab -- resume" starts them'] : []),
    ...(pending > 0 ? [`A killed run left unfinished operations (${pending}): the next "npm run up" clears them`] : []),
  ];
}
