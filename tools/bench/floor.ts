import { cpSync, existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { must } from "./commands";
import { type HelmRecord, helmRecords } from "./helm-records";
import { type Part, partsOf } from "./parts";
import { commandsOf, kubectl, type ScriptPlace, scriptKubeconfig } from "./script";
import type { Bench } from "./setup";
import type { Span } from "./types";

/** The plain script that makes what a lab was made of. */
export interface Script {
  place: ScriptPlace;
  parts: readonly Part[];
}

const exportSchema = z.object({
  deployment: z.object({
    resources: z.array(
      z.object({
        urn: z.string(),
        type: z.string(),
        parent: z.string().optional(),
        dependencies: z.array(z.string()).optional(),
        inputs: z.record(z.string(), z.unknown()).optional(),
        outputs: z.record(z.string(), z.unknown()).optional(),
      }),
    ),
  }),
});

/** Reads from the living lab what the script has to install. */
export async function readScript(bench: Bench): Promise<Script> {
  const { lab, script: cluster, folder, io, env } = bench;
  const { stdout } = await must(bench, { file: bench.pulumi, args: ["stack", "export", "--stack", bench.stack] });
  const parts = partsOf(exportSchema.parse(JSON.parse(stdout)).deployment.resources);
  for (const part of parts) {
    if (part.do !== "cluster" || !part.certsDir || !existsSync(part.certsDir)) continue;
    cpSync(part.certsDir, join(folder, "certs.d"), { recursive: true });
  }
  const inspect = ["inspect", "--format", "{{.Config.Image}}", `${lab}-control-plane`];
  const nodeImage = (await must(bench, { file: "docker", args: inspect })).stdout.trim();
  const helm = await io.exec("helm", ["version", "--short"], { env });
  const records = helm.code === 0 && /^v[34]\./.test(helm.stdout) ? undefined : await readRecords(bench);
  const platform = await savedPlatform(bench);
  const place = { cluster, lab, folder, nodeImage, ...(records ? { records } : {}), ...(platform ? { platform } : {}) };
  return { parts, place };
}

async function readRecords(bench: Bench): Promise<Map<string, HelmRecord>> {
  const secrets = [
    "get",
    "secrets",
    "--all-namespaces",
    "--selector",
    "owner=helm,status=deployed",
    "--output",
    "json",
  ];
  return helmRecords((await must(bench, kubectl({ cluster: bench.lab }, ...secrets))).stdout);
}

/** Docker's containerd image store would write other platforms' layers that it does not have. */
async function savedPlatform(bench: Bench): Promise<string | undefined> {
  const driver = await must(bench, { file: "docker", args: ["info", "--format", "{{.DriverStatus}}"] });
  if (!driver.stdout.includes("io.containerd.snapshotter")) return undefined;
  const format = "{{.Server.Os}}/{{.Server.Arch}}";
  return (await must(bench, { file: "docker", args: ["version", "--format", format] })).stdout.trim();
}

/** Runs the script to its end. Returns how long each part took. */
export async function runScript(bench: Bench, { parts, place }: Script): Promise<Span[]> {
  const begin = performance.now();
  const spans: Span[] = [];
  for (const part of parts) {
    const startMs = performance.now() - begin;
    for (const command of commandsOf(part, place)) await must(bench, command);
    const ms = performance.now() - begin - startMs;
    spans.push({ name: part.name, startMs: Math.round(startMs), ms: Math.round(ms) });
  }
  return spans;
}

/** Deletes the script's cluster: the floor of `destroy`. */
export async function deleteCluster(bench: Bench, { place }: Script): Promise<void> {
  const args = ["delete", "cluster", "--name", place.cluster, "--kubeconfig", scriptKubeconfig(place)];
  await must(bench, { file: "kind", args });
}

/** Removes what else the script had made, so that another one can be run. */
export async function clearScript(bench: Bench, { place }: Script): Promise<void> {
  await must(bench, { file: "docker", args: ["network", "rm", place.cluster] });
  await rm(join(place.folder, "images.tar"), { force: true });
}
