import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { archivePath } from "../../../artifacts/bundle-folder";
import { sha256 } from "../../../artifacts/download";
import { script } from "../../../components/script";
import { exec } from "../../../host/exec";

/**
 * A Docker that has the tags in a file, loads any archive as the tag that stands in it, and pulls as it is told. As that of
 * snap (kind v0.32.0 site/content/docs/user/known-issues.md, "Docker Installed with Snap") it shares no /tmp with others: an
 * archive reaches it by standard input, and leaves it by standard output.
 */
const fakeDocker = `#!/bin/sh
echo "$*" >> "$FAKE/calls"
case "$1 $2" in
  "image inspect") for last; do :; done; grep -qxF "$last" "$FAKE/tags" || exit 1
    case "$*" in
      *.RepoDigests*) echo "$FAKE_DIGEST" ;;
      *{{.Id}}*) cat "$FAKE/id" 2>/dev/null ;;
      *) echo "\${FAKE_PLATFORM:-linux/amd64}" ;;
    esac ;;
  "load --quiet") [ $# -eq 2 ] && cat > "$FAKE/archive"
    { tar -xOf "$FAKE/archive" id > "$FAKE/id" && tar -xOf "$FAKE/archive" tag; } >> "$FAKE/tags" 2>/dev/null || cat "$FAKE/archive" >> "$FAKE/tags" ;;
  "version --format") echo linux/amd64 ;;
  "pull --quiet") for last; do :; done; case "$last" in "\${REFUSED:-none}"*) exit 1 ;; esac; [ -z "$PULL_SAYS" ] && echo "$last" >> "$FAKE/tags" || { echo "$PULL_SAYS" >&2; exit 1; } ;;
  "build --quiet") [ -z "$BUILD_SAYS" ] && echo "$6" >> "$FAKE/tags" || { echo "$BUILD_SAYS" >&2; exit 1; } ;;
  "port "*) [ -z "$CACHE_AT" ] || echo "$CACHE_AT" ;;
  "save "*) touch "$FAKE/saving"; sleep "\${SAVE_TAKES:-0}"; echo "archive of $*" ;;
  "tag "*) echo "$3" >> "$FAKE/tags" ;;
esac
`;

function machine(env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "lab-image-get-"));
  writeFileSync(join(folder, "docker"), fakeDocker, { mode: 0o755 });
  writeFileSync(join(folder, "tags"), "");
  const load = (IMAGES: string, BUILD: string, signal?: AbortSignal) =>
    exec("/bin/sh", ["-c", script("image-get", "images-load")], {
      ...(signal ? { signal } : {}),
      cwd: join(__dirname, "..", "..", ".."),
      env: {
        ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, FAKE: folder, IMAGES, BUILD, CLUSTER: "c" },
        ...{ MIRRORS: "", BUNDLE: "", PLATFORM: "", PULL_SAYS: "", BUILD_SAYS: "", ...env },
      },
    });
  const kind = `#!/bin/sh
case "$1" in
  get) printf 'c-control-plane\\nc-worker\\n' ;;
  load) cat "$3" >>"$FAKE/loaded" ;;
esac
`;
  writeFileSync(join(folder, "kind"), kind, { mode: 0o755 });
  return {
    folder,
    load,
    pull: (...images: string[]) =>
      exec("/bin/sh", ["-c", script("image-get", "images-pull")], {
        cwd: join(__dirname, "..", "..", ".."),
        env: {
          ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, FAKE: folder, IMAGES: images.join("\n") },
          ...{ MIRRORS: "", CACHES: "", CACHE_AT: "", BUNDLE: "", PLATFORM: "", PULL_SAYS: "", ...env },
        },
      }),
    calls: (verb: string) =>
      readFileSync(join(folder, "calls"), "utf8")
        .split("\n")
        .filter((line) => line.startsWith(verb)),
  };
}

function bundle(ref: string, content: Buffer | string = `${ref}\n`, digest = sha256(content)) {
  const folder = mkdtempSync(join(tmpdir(), "lab-bundle-"));
  mkdirSync(join(folder, "images"));
  writeFileSync(join(folder, archivePath(ref)), content);
  writeFileSync(join(folder, "SHA256SUMS"), `${digest}  ${archivePath(ref)}\n`);
  return folder;
}

describe("image-get.sh", () => {
  test("pulls what is not there, and not twice", async () => {
    const { pull, calls } = machine();
    expect(await pull("quay.io/a/b:1", "docker.io/c/d:2")).toMatchObject({ code: 0, stdout: "2" });
    expect(await pull("quay.io/a/b:1")).toMatchObject({ code: 0 });
    expect(calls("pull")).toHaveLength(2);
  });

  test("takes an archive of the bundle before any registry", async () => {
    const { pull, calls } = machine({ BUNDLE: bundle("quay.io/a/b:1"), PULL_SAYS: "no such host" });
    expect(await pull("quay.io/a/b:1")).toMatchObject({ code: 0, stderr: "" });
    expect(calls("pull")).toEqual([]);
  });

  describe("an image with a digest", () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const ref = `kindest/node:v1@${digest}`;
    // As docker save writes it (moby v28.0.0 image/tarexport/save.go): manifest.json names the image's configuration.
    const bundled = async (id: string) => {
      const content = mkdtempSync(join(tmpdir(), "lab-archive-"));
      const manifest = JSON.stringify([{ Config: `blobs/sha256/${id}`, RepoTags: ["kindest/node:v1"] }]);
      const files = { "manifest.json": manifest, id: `sha256:${id}\n`, tag: "kindest/node:v1\n" };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(content, name), text);
      await exec("tar", ["-cf", join(content, "a.tar"), "-C", content, ...Object.keys(files)]);
      return bundle("kindest/node:v1", readFileSync(join(content, "a.tar")));
    };

    test("is loaded from the bundle once, and is then found by its ID", async () => {
      const { pull, calls } = machine({ BUNDLE: await bundled("1".repeat(64)), PULL_SAYS: "no such host" });
      expect(await pull(ref)).toMatchObject({ code: 0 });
      expect(await pull(ref)).toMatchObject({ code: 0 });
      expect(calls("load")).toHaveLength(1);
    });

    test("is not another image of that tag, beside a bundle, a mirror or a cache", async () => {
      const copies: Record<string, string>[] = [
        { BUNDLE: await bundled("1".repeat(64)) },
        { MIRRORS: "docker.io=https://mirror.test" },
        { CACHES: "docker.io=https://docker.io" },
      ];
      for (const env of copies) {
        const { folder, pull, calls } = machine(env);
        writeFileSync(join(folder, "tags"), "kindest/node:v1\n");
        writeFileSync(join(folder, "id"), `sha256:${"2".repeat(64)}\n`);
        expect(await pull(ref)).toMatchObject({ code: 0 });
        expect([...calls("load"), ...calls("pull")]).toHaveLength(1);
      }
    });

    test("is not accepted by the ID in an archive that does not match SHA256SUMS", async () => {
      const { folder, pull } = machine({ BUNDLE: bundle("kindest/node:v1", "1".repeat(64), "0".repeat(64)) });
      writeFileSync(join(folder, "tags"), "kindest/node:v1\n");
      writeFileSync(join(folder, "id"), `sha256:${"1".repeat(64)}\n`);
      expect((await pull(ref)).stderr).toContain("does not match SHA256SUMS");
    });

    test("is what Docker pulled from a mirror by the digest", async () => {
      const env = { MIRRORS: "docker.io=https://mirror.test", FAKE_DIGEST: `mirror.test/kindest/node@${digest}` };
      const { folder, pull, calls } = machine(env);
      writeFileSync(join(folder, "tags"), "kindest/node:v1\n");
      expect(await pull(ref)).toMatchObject({ code: 0 });
      expect(calls("pull")).toEqual([]);
    });
  });

  test("refuses an archive that does not match SHA256SUMS", async () => {
    const { pull, calls } = machine({ BUNDLE: bundle("quay.io/a/b:1", "quay.io/a/b:1\n", "0".repeat(64)) });
    const { code, stderr } = await pull("quay.io/a/b:1");
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/What {2}".*quay.io_a_b_1.tar" does not match SHA256SUMS of the bundle/);
    expect(calls("load")).toEqual([]);
  });

  test("refuses an archive for another platform", async () => {
    const { pull } = machine({ BUNDLE: bundle("quay.io/a/b:1"), FAKE_PLATFORM: "linux/arm64" });
    expect((await pull("quay.io/a/b:1")).stderr).toMatch(
      /holds an image for linux\/arm64, and Docker runs linux\/amd64/,
    );
  });

  test("uses the mirror of the image's registry, in all notations of the registry", async () => {
    const MIRRORS = "docker.io=https://mirror.test/hub\nquay.io=http://127.0.0.1:5000";
    const { pull, calls } = machine({ MIRRORS });
    await pull("docker.io/a/b:1", "kindest/node:v1", "alpine:3", "quay.io/a/b:1", "ghcr.io/a/b:1");
    expect(calls("pull").sort()).toEqual(
      ["127.0.0.1:5000/a/b:1", "ghcr.io/a/b:1", "mirror.test/hub/a/b:1"]
        .concat(["mirror.test/hub/kindest/node:v1", "mirror.test/hub/library/alpine:3"])
        .map((address) => `pull --quiet --platform=linux/amd64 ${address}`),
    );
    expect(calls("tag")).toContain("tag mirror.test/hub/kindest/node:v1 kindest/node:v1");
  });

  describe("with a cache of the registry on this machine", () => {
    const CACHES = "docker.io=https://registry-1.docker.io\nghcr.io=https://ghcr.io";

    test("asks it first, keeps the image's own name alone, and asks others as before", async () => {
      const { pull, calls } = machine({ CACHES, CACHE_AT: "127.0.0.1:32000" });
      expect(await pull("kindest/node:v1", "quay.io/a/b:1")).toMatchObject({ code: 0, stdout: "2" });
      expect(calls("pull").sort()).toEqual([
        "pull --quiet --platform=linux/amd64 127.0.0.1:32000/kindest/node:v1",
        "pull --quiet --platform=linux/amd64 quay.io/a/b:1",
      ]);
      expect(calls("port")).toEqual(["port ambient-lab-cache-docker.io 5000/tcp"]);
      expect(calls("tag")).toEqual(["tag 127.0.0.1:32000/kindest/node:v1 kindest/node:v1"]);
      expect(calls("rmi")).toEqual(["rmi 127.0.0.1:32000/kindest/node:v1"]);
    });

    test.each([
      ["does not run", { CACHE_AT: "" }, 1],
      ["fails", { CACHE_AT: "127.0.0.1:32000", REFUSED: "127.0.0.1:32000" }, 2],
    ])("asks the registry itself when it %s", async (_, env, pulls) => {
      const { pull, calls } = machine({ CACHES, ...env });
      expect(await pull("ghcr.io/a/b:1")).toMatchObject({ code: 0 });
      expect(calls("pull")).toHaveLength(pulls);
      expect(calls("pull").at(-1)).toBe("pull --quiet --platform=linux/amd64 ghcr.io/a/b:1");
    });
  });

  test("names the archive that a bundle lacks, and not the registry", async () => {
    const BUNDLE = bundle("quay.io/c/d:1");
    const { code, stderr } = await machine({ BUNDLE, PULL_SAYS: "no such host" }).pull("quay.io/a/b:1");
    expect(code).not.toBe(0);
    expect(stderr).toContain(`Why   "${BUNDLE}" has no images/quay.io_a_b_1.tar, so the registry was used`);
    expect(stderr).toContain(`Fix   npm run lab -- bundle "${BUNDLE}"`);
  });

  test.each([
    ["toomanyrequests: You have reached your pull rate limit.", "The registry limits", "docker login"],
    ["received unexpected HTTP status: 407 Proxy Authentication Required", "requires credentials", "daemon's"],
    ["x509: certificate signed by unknown authority", "does not trust the certificate", "certs.d"],
    ["no matching manifest for linux/arm64/v8 in the manifest list", "other platforms only", "imageMirrors"],
    [
      "failed to register layer: filesystem layer verification failed for digest",
      "does not have the expected digest",
      "again",
    ],
    ["dial tcp: lookup quay.io on 8.8.8.8:53: no such host", "cannot reach the registry", "lab -- bundle"],
    ["something else", "loads it into the nodes", "docker pull quay.io/a/b:1"],
  ])("explains %j", async (PULL_SAYS, why, fix) => {
    const { code, stderr } = await machine({ PULL_SAYS }).pull("quay.io/a/b:1");
    expect(code).not.toBe(0);
    const [what, reason, remedy] = stderr.split("\n");
    expect(what).toBe(`What  Cannot pull "quay.io/a/b:1": ${PULL_SAYS}`);
    expect(reason).toContain(why);
    expect(remedy).toContain(fix);
  });
});

describe("images-load.sh", () => {
  const built = "docker.io/ambient-lab-dev/httpbin:0123";
  test("builds the lab's own image again when Docker does not have it, and does not pull it", async () => {
    const { load, calls } = machine({ PULL_SAYS: "no such host" });
    expect(await load(built, "images/httpbin")).toMatchObject({ code: 0, stdout: "1" });
    expect(await load(built, "images/httpbin")).toMatchObject({ code: 0 });
    expect(calls("build")).toEqual([`build --quiet --platform linux/amd64 --tag ${built} images/httpbin`]);
    expect(calls("pull")).toEqual([]);
  });

  test("reports the reason when that fails", async () => {
    const { code, stderr } = await machine({ BUILD_SAYS: "failed to solve: no such host" }).load(
      built,
      "images/httpbin",
    );
    expect(code).not.toBe(0);
    expect(stderr).toMatch(
      /no such host\nWhat {2}Cannot build ".*httpbin:0123" from images\/httpbin: .* no such host\nWhy .*\nFix /,
    );
  });

  test("hands the nodes the archive that docker writes to its standard output", async () => {
    const { folder, load } = machine();
    expect(await load("quay.io/a/b:1", "")).toMatchObject({ code: 0, stdout: "1" });
    expect(readFileSync(join(folder, "loaded"), "utf8")).toBe("archive of save quay.io/a/b:1\n");
  });

  test("gets all other images from where they come from", async () => {
    const { load, calls } = machine();
    expect(await load("quay.io/a/b:1", "")).toMatchObject({ code: 0 });
    expect(calls("pull")).toEqual(["pull --quiet --platform=linux/amd64 quay.io/a/b:1"]);
    expect(calls("build")).toEqual([]);
  });
});

test("images-load.sh leaves no archive behind when it is ended", async () => {
  const TMPDIR = mkdtempSync(join(tmpdir(), "lab-archives-"));
  const { folder, load } = machine({ TMPDIR, SAVE_TAKES: "0.5", CACHES: "" });
  const controller = new AbortController();
  const ended = load("registry.test/a:1", "", controller.signal);
  await vi.waitFor(() => expect(existsSync(join(folder, "saving"))).toBe(true));
  expect(readdirSync(TMPDIR)).toHaveLength(1);
  controller.abort();
  expect((await ended).code).not.toBe(0);
  await vi.waitFor(() => expect(readdirSync(TMPDIR)).toEqual([]), { timeout: 5_000 });
});
