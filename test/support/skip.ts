import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pluginNames, versions } from "../../config/versions";
import { firstOnPath } from "../../host/exec";

/** Requirements of a suite. */
export interface Needs {
  /** Programs on the PATH. */
  programs?: readonly string[];
  /** Whether a Docker engine must answer. */
  docker?: boolean;
  /** Images that Docker must have. */
  images?: readonly string[];
  /** A folder of charts and manifests: {@link artifactsFolder}. */
  artifacts?: boolean;
  /** The rig that builds a kube-apiserver: {@link rigPath}. */
  rig?: boolean;
  /** Recorded output of unmodified upstream programs: {@link recordedFolder}. */
  recorded?: boolean;
  /** Whether the suite must run as root, to create a network namespace. */
  root?: boolean;
  /** Whether the suite runs only with LAB_E2E=1, because it takes a quarter of an hour. */
  asked?: boolean;
}

/** The programs of the engine and its plugins. */
export const enginePrograms = ["pulumi", ...pluginNames.map((name) => `pulumi-resource-${name}`)];

/** Folder of the rig's caches. */
export const rigHome = process.env.RIG_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "lab-rig");

/** Folder with SHA256SUMS, charts and manifests, as "lab bundle" makes it. */
function artifactsFolder(): string {
  return process.env.LAB_ARTIFACTS ?? join(rigHome, "artifacts");
}

/** Folder with recorded output of unmodified programs of an Istio minor version: $LAB_RECORDED, or beside the repository. */
export function recordedFolder(): string {
  return process.env.LAB_RECORDED ?? join(__dirname, "..", "..", "..", "shared", "recorded", "istio-1.31");
}

/** Configuration of a lab with the charts and manifests of {@link artifactsFolder}, in the versions that the folder has. */
export function artifactsAtHand() {
  const artifactSource = artifactsFolder();
  const versionOf = (folder: string, file: RegExp, pinned: string) => {
    const path = join(artifactSource, folder);
    const found = (existsSync(path) ? readdirSync(path) : []).flatMap((name) => file.exec(name)?.[1] ?? []);
    return found.includes(pinned) ? pinned : (found.sort().at(-1) ?? pinned);
  };
  return {
    artifactSource,
    istioVersion: versionOf("charts", /^istiod-(.+)\.tgz$/, versions.istio),
    metallbVersion: versionOf("manifests", /^metallb-(.+)\.yaml$/, versions.metallb),
  };
}

/** The rig's script: $LAB_RIG, or beside the repository. */
export function rigPath(): string {
  return process.env.LAB_RIG ?? join(__dirname, "..", "..", "..", "shared", "rig", "rig");
}

/**
 * The reason why a suite cannot run on this machine, for `describe.skipIf`; false when it can. The reason is printed, and `npm test` repeats it
 * in its summary.
 */
export function requires(suite: string, needs: Needs): string | false {
  const found = [...missingOf(needs)];
  if (found.length === 0) return false;
  const rig = process.env.LAB_RIG_FAILURE;
  const missing = [...found, ...(rig ? [`the rig failed at ${rig}`] : [])].join("; ");
  process.stderr.write(`${suite} is skipped: ${missing}\n`);
  if (process.env.LAB_SKIPS) appendFileSync(process.env.LAB_SKIPS, `${suite}: ${missing}\n`);
  return missing;
}

function* missingOf({
  programs = [],
  docker,
  images = [],
  artifacts,
  rig,
  recorded,
  root,
  asked,
}: Needs): Iterable<string> {
  if (asked && process.env.LAB_E2E !== "1") yield "it takes a quarter of an hour and runs with LAB_E2E=1";
  if (root && process.getuid?.() !== 0) yield "it makes a network namespace, which root alone may";
  for (const program of programs) if (!firstOnPath(program, process.env)) yield `no "${program}" on PATH`;
  if (artifacts && !existsSync(join(artifactsFolder(), "SHA256SUMS"))) yield `no artifacts in ${artifactsFolder()}`;
  if (recorded && !existsSync(recordedFolder()))
    yield `nothing recorded of Istio in ${recordedFolder()} (LAB_RECORDED names another)`;
  if (rig && !existsSync(rigPath())) yield `no rig at ${rigPath()} (LAB_RIG names another)`;
  if (!docker) return;
  if (!succeeds("docker", "version")) return yield "no Docker engine answers";
  for (const image of images)
    if (!succeeds("docker", "image", "inspect", image)) yield `Docker has no image "${image}"`;
}

function succeeds(file: string, ...args: string[]): boolean {
  return spawnSync(file, args, { stdio: "ignore", timeout: 30_000 }).status === 0;
}
