import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { platforms, saveImage } from "../../../cli/offline/pieces";
import { LabError } from "../../../host/errors";
import { exec } from "../../../host/exec";

const image = "registry.test/a:1";

/** Saves an image with the real script and a stand-in for docker whose `docker save` does what `save` says. */
async function saved(save: string, driver = "[[Backing Filesystem extfs]]") {
  const folder = mkdtempSync(join(tmpdir(), "lab-bundle-images-"));
  const docker = `#!/bin/sh
echo "$*" >>"${folder}/calls"
case "$1" in
  info) echo "${driver}" ;;
  image) echo linux/arm64 ;;
  save) ${save} ;;
esac
`;
  writeFileSync(join(folder, "docker"), docker, { mode: 0o755 });
  const PATH = `${folder}${delimiter}${process.env.PATH}`;
  const file = join(folder, "images", "a.tar");
  const platform = platforms.find(({ name }) => name === "darwin/arm64") ?? expect.fail("no darwin/arm64");
  const problem = await saveImage(image, file, {
    exec: (program, args, options = {}) => exec(program, args, { ...options, env: { PATH, ...options.env } }),
    fetch: () => expect.fail("nothing is fetched"),
    ...{ platform, imageMirrors: [], signal: new AbortController().signal },
  }).catch((thrown: unknown) => (thrown instanceof LabError ? thrown : expect.fail(String(thrown))));
  const calls = readFileSync(join(folder, "calls"), "utf8").split("\n");
  return { file, problem, saves: calls.filter((call) => call.startsWith("save")) };
}

describe("saveImage()", () => {
  // kind v0.32.0 site/content/docs/user/known-issues.md, "Docker Installed with Snap": its docker has a /tmp of its own, so
  // that "--output" of it writes a file that no other program sees.
  test("takes the archive from docker's standard output, and lets everybody read it", async () => {
    const { file, problem, saves } = await saved("echo archive");
    expect(problem).toBeUndefined();
    expect(saves).toEqual([`save ${image}`]);
    expect(readFileSync(file, "utf8")).toBe("archive\n");
    expect(statSync(file).mode & 0o777).toBe(0o644);
  });

  test("keeps nothing of a save that failed, and shows Docker's own line", async () => {
    // docker/cli#7278, with the containerd image store.
    const answer = "Error response from daemon: no suitable export target found: not found";
    const { file, problem, saves } = await saved(
      `echo "${answer}" >&2; exit 1`,
      "[[driver-type io.containerd.snapshotter.v1]]",
    );
    expect(saves[0]).toContain("save --platform=linux/arm64 ");
    expect(problem).toMatchObject({
      what: `Docker cannot write an archive of images: ${answer}`,
      why: `It is to be ${file}`,
      fix: `docker image rm --force ${image}   (the next run brings it again)`,
      exitCode: 4,
    });
    expect(existsSync(file) || existsSync(`${file}.part`)).toBe(false);
  });

  test("names the folder that has no room", async () => {
    const { file, problem } = await saved('echo "write /dev/stdout: no space left on device" >&2; exit 1');
    expect(problem?.fix).toContain(`df -h "${file.replace("/a.tar", "")}"   (make room`);
  });
});
