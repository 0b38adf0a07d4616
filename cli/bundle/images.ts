import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isWeb, tagged } from "../../bundle-folder";
import { ExitCode, LabError } from "../../errors";
import { run } from "../../exec";
import { appFolder } from "../bill/images";
import type { BundleWork } from "./work";

const scripts = join(__dirname, "../../components/scripts");
const minutes = 60_000;

/** Tag of the apps' image in bundles: the same Dockerfile, the same tag. */
export function bundledAppImage(): string {
  const dockerfile = readFileSync(join(appFolder, "Dockerfile"));
  return `docker.io/ambient-lab/httpbin:${createHash("sha256").update(dockerfile).digest("hex").slice(0, 12)}`;
}

/** Builds the apps' image for the bundle's platform; `saveImage` then finds it. */
export async function buildAppImage(ref: string, { exec, platform, signal }: BundleWork): Promise<void> {
  await run(exec, "docker", ["build", "--platform", platform.nodes, "--tag", ref, appFolder], {
    timeoutMs: 30 * minutes,
    signal,
    why: "The apps of the lab run it, and without a network it cannot be built",
    fix: 'pulumi config set appImage REF   (a ready one; docs/offline.md, "The apps\' image")',
  });
}

/** Writes an image of the bundle's platform to a file: from Docker, where it is, else pulled by the script of the lab. */
export async function saveImage(ref: string, file: string, work: BundleWork): Promise<void> {
  const { exec, platform, signal } = work;
  const before = await inspect(ref, "{{.Id}}", work);
  await pull(ref, work);
  const tag = tagged(ref);
  const id = (await inspect(ref, "{{.Id}}", work)) ?? (await inspect(tag, "{{.Id}}", work)) ?? ref;
  // An archive of a reference with a digest would hold no name at all.
  if (tag !== ref) await docker(["tag", id, tag], work);
  const part = `${file}.part`;
  await mkdir(dirname(file), { recursive: true });
  try {
    const only = (await storesManyPlatforms(work)) ? [`--platform=${platform.nodes}`] : [];
    await run(exec, "docker", ["save", ...only, "--output", part, tag], {
      timeoutMs: 15 * minutes,
      signal,
      why: `It is to be ${file}`,
      fix: `docker image inspect ${tag}; df -h ${dirname(file)}   (is it there, and is there room?)`,
    });
    // Docker writes it for its user alone; who takes the bundle along is often another.
    await chmod(part, 0o644);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
    // Docker's classic store keeps one platform a tag: what this machine ran before is put back.
    if (before && before !== id && tag === ref) await docker(["tag", before, ref], work);
  }
}

async function pull(ref: string, { exec, platform, imageMirrors, source, signal }: BundleWork): Promise<void> {
  const text = ["image-get", "images-pull"].map((name) => readFileSync(join(scripts, `${name}.sh`), "utf8"));
  const bundle = source && !isWeb(source) ? source : "";
  const env = { IMAGES: ref, MIRRORS: imageMirrors.join("\n"), CACHES: "", BUNDLE: bundle, PLATFORM: platform.nodes };
  const { code, stderr } = await exec("/bin/sh", ["-c", text.join("\n")], { env, timeoutMs: 30 * minutes, signal });
  if (code === 0) return;
  const word = (label: string) => new RegExp(`^${label} +(.*)$`, "m").exec(stderr)?.[1];
  throw new LabError(
    {
      what: word("What") ?? `Cannot pull "${ref}": ${stderr.trim().split("\n").at(-1)}`,
      why: word("Why") ?? "The bundle is to hold it",
      fix: word("Fix") ?? `docker pull ${ref}   (tells the reason)`,
    },
    { exitCode: ExitCode.unfit },
  );
}

/** Whether Docker keeps images in containerd's store, where a tag has many platforms. */
async function storesManyPlatforms({ exec }: BundleWork): Promise<boolean> {
  const { stdout } = await exec("docker", ["info", "--format", "{{.DriverStatus}}"]);
  return stdout.includes("io.containerd.snapshotter");
}

async function inspect(ref: string, format: string, { exec }: BundleWork): Promise<string | undefined> {
  const { code, stdout } = await exec("docker", ["image", "inspect", "--format", format, ref]);
  return code === 0 ? stdout : undefined;
}

async function docker(args: readonly string[], { exec }: BundleWork): Promise<void> {
  await run(exec, "docker", args, { why: "The bundle is to hold the image", fix: "docker info   (does it answer?)" });
}
