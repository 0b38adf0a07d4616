import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isWeb, tagged } from "../../../artifacts/bundle-folder";
import { ExitCode, LabError, type Problem } from "../../../host/errors";
import { run } from "../../../host/exec";
import { appFolder } from "../bill/images";
import type { BundleWork } from "./work";

const scripts = join(__dirname, "../../../components/scripts");
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
  const { platform } = work;
  const before = await inspect(ref, "{{.Id}}", work);
  await pull(ref, work);
  const tag = tagged(ref);
  const id = (await inspect(ref, "{{.Id}}", work)) ?? (await inspect(tag, "{{.Id}}", work)) ?? ref;
  // An archive of a reference with a digest would hold no name at all.
  if (tag !== ref) await docker(["tag", id, tag], work);
  const part = `${file}.part`;
  await mkdir(dirname(file), { recursive: true });
  try {
    const why = `It is to be ${file}`;
    const fix = `docker image rm --force ${[...new Set([tag, ref])].join(" ")}   (the next run brings it again)`;
    const env = { ARCHIVE: part, WHY: why, FIX: fix, IMAGE: tag, PLATFORM: platform.nodes };
    const problem = { what: `Cannot save "${tag}"`, why, fix };
    await runScript([scriptOf("image-get"), 'save "$ARCHIVE" "$WHY" "$FIX" "$IMAGE"'], env, problem, work);
    // A umask may deny others what another user of the bundle has to read.
    await chmod(part, 0o644);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
    // Docker's classic store keeps one platform a tag: what this machine ran before is put back.
    if (before && before !== id && tag === ref) await docker(["tag", before, ref], work);
  }
}

async function pull(ref: string, work: BundleWork): Promise<void> {
  const { platform, imageMirrors, source } = work;
  const bundle = source && !isWeb(source) ? source : "";
  const env = { IMAGES: ref, MIRRORS: imageMirrors.join("\n"), CACHES: "", BUNDLE: bundle, PLATFORM: platform.nodes };
  const problem = {
    what: `Cannot pull "${ref}"`,
    why: "The bundle is to hold it",
    fix: `docker pull ${ref}   (tells the reason)`,
  };
  await runScript([scriptOf("image-get"), scriptOf("images-pull")], env, problem, work);
}

const scriptOf = (name: string) => readFileSync(join(scripts, `${name}.sh`), "utf8");

/**
 * Runs shell text.
 * @throws LabError (exit code 4) with the problem that the text prints; `otherwise` where it prints none
 */
async function runScript(
  text: readonly string[],
  env: Record<string, string>,
  otherwise: Problem,
  { exec, signal }: BundleWork,
): Promise<void> {
  const { code, stderr } = await exec("/bin/sh", ["-c", text.join("\n")], { env, timeoutMs: 30 * minutes, signal });
  if (code === 0) return;
  const word = (label: string) => new RegExp(`^${label} +(.*)$`, "m").exec(stderr)?.[1];
  throw new LabError(
    {
      what: word("What") ?? `${otherwise.what}: ${stderr.trim().split("\n").at(-1)}`,
      why: word("Why") ?? otherwise.why,
      fix: word("Fix") ?? otherwise.fix,
    },
    { exitCode: ExitCode.unfit },
  );
}

async function inspect(ref: string, format: string, { exec }: BundleWork): Promise<string | undefined> {
  const { code, stdout } = await exec("docker", ["image", "inspect", "--format", format, ref]);
  return code === 0 ? stdout : undefined;
}

async function docker(args: readonly string[], { exec }: BundleWork): Promise<void> {
  await run(exec, "docker", args, { why: "The bundle is to hold the image", fix: "docker info   (does it answer?)" });
}
