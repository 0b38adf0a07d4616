import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { archivePath } from "../../../artifacts/bundle-folder";
import { sha256 } from "../../../artifacts/download";
import { script } from "../../../components/script";
import { exec } from "../../../host/exec";

/** What the stand-ins for docker and kind print; an empty text is a success. */
interface Machine {
  /** `docker info --format {{.DriverStatus}}`. */
  driver?: string;
  save?: string;
  load?: string;
  build?: string;
  kindLoad?: string;
  /** Whether Docker has the image already. @default true */
  present?: boolean;
  env?: Record<string, string>;
}

const containerd = "[[driver-type io.containerd.snapshotter.v1]]";
const image = "registry.test/a:1";

/** Runs the real scripts with programs that fail as the real ones do. */
async function runScripts(names: readonly string[], machine: Machine) {
  const folder = mkdtempSync(join(tmpdir(), "lab-image-failures-"));
  const fails = (file: string, text = "") => {
    writeFileSync(join(folder, file), text);
    return `[ ! -s "${folder}/${file}" ] || { cat "${folder}/${file}" >&2; exit 1; }`;
  };
  const docker = `#!/bin/sh
case "$1" in
  info) echo "${machine.driver ?? "[[Backing Filesystem extfs]]"}" ;;
  version) echo linux/amd64 ;;
  image) ${machine.present === false ? "exit 1" : "echo linux/amd64"} ;;
  save) ${fails("save", machine.save)} ;;
  load) ${fails("load", machine.load)} ;;
  build) ${fails("build", machine.build)} ;;
  *) exit 1 ;;
esac
`;
  const kind = `#!/bin/sh
case "$1" in
  get) printf 'c-control-plane\\nc-worker\\n' ;;
  load) ${fails("kind-load", machine.kindLoad)} ;;
  *) exit 1 ;;
esac
`;
  writeFileSync(join(folder, "docker"), docker, { mode: 0o755 });
  writeFileSync(join(folder, "kind"), kind, { mode: 0o755 });
  const { code, stderr } = await exec("/bin/sh", ["-c", script(...names)], {
    cwd: join(__dirname, "..", "..", ".."),
    env: {
      ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, IMAGES: image, CLUSTER: "ambient-lab-dev" },
      ...{ MIRRORS: "", CACHES: "", BUNDLE: "", PLATFORM: "", ...machine.env },
    },
  });
  const line = (label: string) => new RegExp(`^${label} +(.*)$`, "m").exec(stderr)?.[1] ?? "";
  return { code, stderr, what: line("What"), why: line("Why"), fix: line("Fix") };
}
const load = (machine: Machine) => runScripts(["image-get", "images-load"], machine);

describe("a failing docker save", () => {
  // docker/cli v27.5.1: cli/command/image/save.go has no such flag, cli/cobra.go FlagErrorFunc() writes the two lines.
  // docker/cli v28.0.0: vendor/github.com/docker/docker/client/image_save.go asks the server for API 1.48.
  test.each([
    ["unknown flag: --platform\nSee 'docker save --help'.", "unknown flag: --platform"],
    [
      '"platform" requires API version 1.48, but the Docker daemon API version is 1.47',
      '"platform" requires API version 1.48, but the Docker daemon API version is 1.47',
    ],
  ])("of Docker before 28 names the update: %s", async (save, shown) => {
    const { code, what, fix } = await load({ driver: containerd, save });
    expect(code).not.toBe(0);
    expect(what).toContain(shown);
    expect(fix).toMatch(/Update Docker to 28 or later/);
    expect(fix).not.toContain("make room");
  });

  // docker/cli#7278 and #5476: an image of the containerd image store whose layers came with another image.
  test.each([
    "Error response from daemon: no suitable export target found: not found",
    "Error response from daemon: content digest sha256:a603fa5e3b41: not found\n\n",
  ])("shows Docker's own line, and does not ask for room: %s", async (save) => {
    const { what, fix } = await load({ driver: containerd, save });
    expect(what).toContain(save.trim());
    expect(fix).not.toContain("make room");
  });

  test.each([
    [{}, "npm run lab -- config set imageSource pull"],
    [{ BUILD: "images/httpbin" }, `docker image rm --force ${image}`],
    [{ BUILD: "" }, `docker image rm --force ${image}`],
  ])("with %o names a way on", async (env, way) => {
    const save = "Error response from daemon: no suitable export target found: not found";
    expect((await load({ driver: containerd, save, env })).fix).toContain(way);
  });

  // docker/cli v29.7.2 cli/command/image/save.go: io.Copy to stdout, whose file Go calls /dev/stdout.
  test("asks for room when there is none", async () => {
    const { what, fix } = await load({ save: "write /dev/stdout: no space left on device" });
    expect(what).toContain("write /dev/stdout: no space left on device");
    expect(fix).toContain("make room");
  });
});

// containerd/containerd#8973, docker/cli#7278: a pull leaves out layers that another image has brought, and an export of
// the image by itself, or with that one, then lacks them.
describe("Docker's containerd store that cannot write all images at once", () => {
  const images = ["registry.test/a:1", "registry.test/b:1", "registry.test/c:1"];
  const answer =
    "Error response from daemon: unable to create manifests file: NotFound: content digest sha256:1: not found";

  async function loadAll(unwritable: string, pull: "pulls" | "does not pull") {
    const folder = mkdtempSync(join(tmpdir(), "lab-image-store-"));
    const docker = `#!/bin/sh
echo "docker $*" >>"${folder}/calls"
case "$1" in
  info) echo "${containerd}" ;;
  version) echo linux/amd64 ;;
  image) echo linux/amd64 ;;
  save) case "$#$*" in 5*|*${unwritable}*) echo "${answer}" >&2; exit 1 ;; *) echo "archive" ;; esac ;;
  exec) [ "${pull}" = pulls ] ;;
esac
`;
    const kind = `#!/bin/sh
echo "kind $*" >>"${folder}/calls"
[ "$1" != get ] || printf 'c-control-plane\\nc-worker\\n'
`;
    writeFileSync(join(folder, "docker"), docker, { mode: 0o755 });
    writeFileSync(join(folder, "kind"), kind, { mode: 0o755 });
    const env = { PATH: `${folder}${delimiter}${process.env.PATH}`, IMAGES: images.join("\n"), CLUSTER: "c" };
    const { code, stderr } = await exec("/bin/sh", ["-c", script("image-get", "images-load")], {
      cwd: join(__dirname, "..", "..", ".."),
      env: { ...env, MIRRORS: "", CACHES: "", BUNDLE: "", PLATFORM: "" },
    });
    const calls = readFileSync(join(folder, "calls"), "utf8").split("\n");
    const loaded = calls.filter((call) => call.startsWith("kind load")).length;
    return { code, stderr, loaded, pulled: calls.filter((call) => call.startsWith("docker exec")) };
  }

  test("loads them one by one", async () => {
    expect(await loadAll("none", "does not pull")).toMatchObject({ code: 0, loaded: 3, pulled: [] });
  });

  test("lets the nodes that run an image pull it, where it cannot be written at all", async () => {
    const { code, loaded, pulled } = await loadAll("registry.test/b:1", "pulls");
    expect([code, loaded, pulled]).toEqual([0, 2, ["docker exec c-worker crictl pull registry.test/b:1"]]);
  });

  test("shows Docker's own line where the nodes cannot pull it either", async () => {
    const { code, stderr } = await loadAll("registry.test/b:1", "does not pull");
    expect(code).not.toBe(0);
    expect(stderr).toContain(`What  Docker cannot write an archive of images: ${answer}\nWhy `);
  });
});

describe("a failing kind load", () => {
  // kind v0.31.0: pkg/cluster/nodeutils/util.go parseSnapshotter(), printed by cmd/kind/app/main.go logError().
  test("of a kind that is too old names a newer one", async () => {
    const { code, what, fix } = await load({
      kindLoad: "ERROR: unknown containerd config version: 4 (supported versions: 2 and 3)\n",
    });
    expect(code).not.toBe(0);
    expect(what).toContain("unknown containerd config version: 4 (supported versions: 2 and 3)");
    expect(fix).toContain("npm run up -- --stack dev");
  });

  // kind v0.32.0 cmd/kind/app/main.go logError(): the error, an empty line, the output of the command if it had any.
  const command = 'ERROR: failed to load image: command "docker exec --privileged -i c-worker ctr" failed with error:';
  test.each([
    [
      `${command} exit status 1\n\nCommand Output: ctr: content digest sha256:1: not found\n`,
      "content digest sha256:1",
    ],
    [`${command} exit status 137\n\nCommand Output: \n`, "exit status 137"],
  ])("shows kind's own line", async (kindLoad, shown) => {
    const { what, fix } = await load({ kindLoad });
    expect(what).toContain(shown);
    expect(fix).not.toContain("make room");
  });

  test("asks for room when a node has none", async () => {
    const output = "ctr: write /var/lib/containerd/x: no space left on device";
    const { what, fix } = await load({ kindLoad: `${command} exit status 1\n\nCommand Output: ${output}\n` });
    expect(what).toContain(output);
    expect(fix).toContain("make room");
  });
});

describe("a failing docker load of the bundle's archive", () => {
  const bundle = mkdtempSync(join(tmpdir(), "lab-bundle-"));
  mkdirSync(join(bundle, "images"));
  writeFileSync(join(bundle, archivePath(image)), "archive");
  writeFileSync(join(bundle, "SHA256SUMS"), `${sha256("archive")}  ${archivePath(image)}\n`);
  const pull = (text: string) =>
    runScripts(["image-get", "images-pull"], { load: text, present: false, env: { BUNDLE: bundle } });

  test("shows Docker's own line, and does not ask for room", async () => {
    const { code, what, fix } = await pull("Error response from daemon: unexpected EOF\n\n");
    expect(code).not.toBe(0);
    expect(what).toContain("unexpected EOF");
    expect(fix).not.toMatch(/room/);
  });

  test("asks for room when there is none", async () => {
    const answer = "Error response from daemon: write /var/lib/docker/tmp/layer.tar: no space left on device";
    const { what, fix } = await pull(answer);
    expect(what).toContain(answer);
    expect(fix).toContain("make room");
  });
});

// buildx cmd/buildx/main.go prints the error, and on Docker Desktop then the address of the build's details.
test("a failing build of the lab's image shows Docker's own line", async () => {
  const { code, what } = await load({
    present: false,
    build: "ERROR: failed to solve: process failed\n\nView build details: docker-desktop://dashboard/build/default/1\n",
    env: { BUILD: "images/httpbin" },
  });
  expect(code).not.toBe(0);
  expect(what).toContain("ERROR: failed to solve: process failed");
});
