import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exec } from "../../../host/exec";

const root = resolve(__dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "lab-clone-"));
const [source, clone] = [join(folder, "source"), join(folder, "clone")];
/** What git must not convert: git takes a file with a zero byte for binary (buffer_is_binary() of xdiff-interface.c). */
const binary = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x0d, 0x0a]);
let files: string[] = [];

/** git without the settings of this machine. */
async function git(...args: string[]): Promise<string> {
  const env = {
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_DIR: undefined,
    GIT_INDEX_FILE: undefined,
  };
  const { code, stdout, stderr } = await exec("git", args, { env });
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

/** A clone as Git for Windows makes it: its installer sets core.autocrlf=true (see "git help config"). */
beforeAll(async () => {
  const listed = await git("-C", root, "ls-files", "-z");
  files = listed.split("\0").filter((file) => file !== "" && existsSync(join(root, file)));
  for (const file of files) cpSync(join(root, file), join(source, file));
  writeFileSync(join(source, "binary.png"), binary);
  await git("init", "--quiet", source);
  await git("-C", source, "add", "--all", "--force");
  await git("-C", source, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "--quiet", "--message", "x");
  await git("clone", "--quiet", "-c", "core.autocrlf=true", source, clone);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a clone by Git for Windows has no carriage return in any text file", () => {
  expect(files).toEqual(expect.arrayContaining(["components/scripts/kind-create.sh", ".ci/run", "cli/bootstrap.cjs"]));
  const isText = (file: string) => !readFileSync(join(root, file)).includes(0);
  const changed = files.filter((file) => isText(file) && readFileSync(join(clone, file)).includes("\r\n"));
  expect(changed).toEqual([]);
});

test("a script of that clone runs under sh", async () => {
  const file = join(folder, "ca file.pem");
  const env = { CA_FILE: file, CA_PEM: "certificate" };
  expect(await exec("sh", [join(clone, "components/scripts/ca-file.sh")], { env })).toMatchObject({
    code: 0,
    stdout: file,
    stderr: "",
  });
  expect(readFileSync(file, "utf8")).toBe("certificate");
});

test("a binary file stays as it is, and the files of this checkout are what git keeps", async () => {
  expect(readFileSync(join(clone, "binary.png"))).toEqual(binary);
  const differing = files.filter((file) => !readFileSync(join(clone, file)).equals(readFileSync(join(root, file))));
  expect(differing).toEqual([]);
  expect(await git("-C", clone, "status", "--porcelain")).toBe("");
});
