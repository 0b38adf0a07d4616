import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, release } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { versions } from "../config/versions";
import { ExitCode, LabError, messageOf } from "../host/errors";
import { listNodes } from "../host/kind-nodes";
import { pathOf } from "../host/kube-api";
import { type ClusterAddress, clusterName, labHome } from "../host/paths";
import { callApi, kubeConfig } from "../verify/kube/rest";
import { presentable } from "../verify/report/redact";
import { examine } from "./doctor/examine";
import { newFolder } from "./report/evidence";
import { clusterAddress } from "./stack/lab";
import type { Session } from "./stack/session";
import { settingsFile } from "./stack/settings";
import { problemText } from "./terminal/problem-text";

/** Whether a failure may be a bug: not a problem of usage or of the machine, and not an interrupt. */
export function isWorthKeeping(thrown: unknown, { io }: Session): boolean {
  if (io.signal.aborted) return false;
  return !(thrown instanceof LabError) || thrown.exitCode === ExitCode.fail;
}

/**
 * Writes facts about a failed command into a folder for a bug report, without secrets.
 * @returns the folder
 */
async function keepFailure(command: string, thrown: unknown, session: Session): Promise<string> {
  const { io, stack, config, progress } = session;
  const folder = newFolder(join(labHome(), "failures", stack));
  const settings = settingsFile(io.root, stack);
  const { signal } = new AbortController();
  const nodes = await listNodes(io.exec, "{{.Names}}  {{.Status}}  {{.Image}}", clusterName(stack));
  const machine = {
    node: process.versions.node,
    system: `${process.platform} ${release()} ${arch()}`,
    versions,
    findings: await examine(io, stack, config),
  };
  const files: Record<string, string> = {
    "problem.txt": problemText(thrown, { args: [command], verbose: true }),
    "progress.txt": `${progress.lines.join("\n")}\n`,
    "machine.json": `${JSON.stringify(presentable(machine), null, 2)}\n`,
    "settings.yaml": existsSync(settings) ? withoutSecrets(readFileSync(settings, "utf8")) : "# the defaults\n",
    "cluster.txt": [
      "Containers",
      ...(nodes.stdout || nodes.stderr).split("\n").map((line) => `  ${line}`),
      ...(await clusterLines(clusterAddress(session), signal)),
      "",
    ].join("\n"),
  };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, name), presentable(text), { mode: 0o600 });
  return folder;
}

/** Runs {@link keepFailure}. @returns a line below the problem, with the folder or the reason why there is none */
export const keptText = (command: string, thrown: unknown, session: Session): Promise<string> =>
  keepFailure(command, thrown, session).then(
    keptLine,
    (why) => `    Kept  nothing, for a bug report: ${messageOf(why)}`,
  );

/** The line that names a folder for a bug report. */
export const keptLine = (folder: string): string => `    Kept  ${folder}   (for a bug report, without secrets)`;

/** Removes encrypted values, and the salt, which would help to guess the passphrase. */
const withoutSecrets = (text: string) => text.replaceAll(/^(\s*(?:secure|encryptionsalt):).*$/gm, "$1 '[left out]'");

const podsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ namespace: z.string(), name: z.string() }),
      status: z.object({
        phase: z.string().optional(),
        containerStatuses: z
          .array(
            z.object({
              name: z.string(),
              ready: z.boolean(),
              restartCount: z.number(),
              state: z
                .record(z.string(), z.object({ reason: z.string().optional(), message: z.string().optional() }))
                .optional(),
            }),
          )
          .default([]),
      }),
    }),
  ),
});

const eventsSchema = z.object({
  items: z.array(
    z.object({
      lastTimestamp: z.string().nullish(),
      involvedObject: z.object({
        namespace: z.string().optional(),
        kind: z.string().optional(),
        name: z.string().optional(),
      }),
      reason: z.string().optional(),
      message: z.string().optional(),
      count: z.number().nullish(),
    }),
  ),
});

/** Number of warnings that are kept. */
const eventsKept = 60;

/** Lines about every pod of the cluster and the newest warnings; a line with the reason when the cluster does not answer. */
export async function clusterLines(address: ClusterAddress, signal: AbortSignal): Promise<string[]> {
  if (!existsSync(address.kubeconfig)) return [`There is no kubeconfig at ${address.kubeconfig}: no cluster was made`];
  try {
    const config = await kubeConfig(address);
    const get = async (kind: string, query = "") => {
      const path = `${pathOf({ apiVersion: "v1", kind })}${query}`;
      const { body } = await callApi(config, { method: "GET", path, headers: { accept: "application/json" } }, signal);
      return JSON.parse(body) as unknown;
    };
    const [pods, events] = await Promise.all([get("Pod"), get("Event", "?fieldSelector=type%3DWarning")]);
    return ["Pods", ...podLines(pods), "", "Warnings", ...eventLines(events)];
  } catch (thrown) {
    return [`The cluster does not answer: ${messageOf(thrown)}`];
  }
}

function podLines(answer: unknown): string[] {
  return podsSchema.parse(answer).items.map(({ metadata, status }) => {
    const containers = status.containerStatuses.map(({ name, ready, restartCount, state = {} }) => {
      const [what, { reason, message } = {}] = Object.entries(state)[0] ?? ["unknown"];
      const why = [reason, message].filter(Boolean).join(": ");
      return `${name} ${ready ? "ready" : what}${why ? ` (${why})` : ""}${restartCount > 0 ? `, restarts ${restartCount}` : ""}`;
    });
    return `  ${metadata.namespace}/${metadata.name}  ${status.phase ?? "unknown"}  ${containers.join("; ")}`;
  });
}

function eventLines(answer: unknown): string[] {
  return eventsSchema
    .parse(answer)
    .items.sort((a, b) => (a.lastTimestamp ?? "").localeCompare(b.lastTimestamp ?? ""))
    .slice(-eventsKept)
    .map(({ lastTimestamp, involvedObject: { namespace = "", kind, name }, reason, message, count }) => {
      return `  ${lastTimestamp ?? "-"}  ${namespace}/${kind}/${name}  ${reason}: ${message}${count && count > 1 ? ` (${count} times)` : ""}`;
    });
}
