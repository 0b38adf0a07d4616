import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LabError } from "../../../host/errors";
import { exec } from "../../../host/exec";
import { writeWhole } from "../../../host/write-file";

describe("writeWhole()", () => {
  const newFolder = () => mkdtempSync(join(tmpdir(), "lab-whole-"));
  const modeOf = (path: string) => statSync(path).mode & 0o777;

  test("makes the folder, sets the mode and leaves no part behind", () => {
    const folder = join(newFolder(), "deep");
    writeWhole(join(folder, "file"), "secret", 0o600);
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("secret");
    expect(modeOf(join(folder, "file"))).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  test("keeps the mode of a file that is there", () => {
    const path = join(newFolder(), "file");
    writeFileSync(path, "old");
    for (const mode of [0o664, 0o600]) {
      chmodSync(path, mode);
      writeWhole(path, "new");
      expect([readFileSync(path, "utf8"), modeOf(path)]).toEqual(["new", mode]);
    }
  });

  test.each([
    ["there", "old"],
    ["not there yet", undefined],
  ])("writes through symbolic links, relative ones too, to a file that is %s", (_, old) => {
    const folder = newFolder();
    mkdirSync(join(folder, "real"));
    mkdirSync(join(folder, "links"));
    const real = join(folder, "real", "file");
    if (old !== undefined) writeFileSync(real, old);
    symlinkSync("../real/file", join(folder, "links", "first"));
    symlinkSync(join(folder, "links", "first"), join(folder, "second"));
    writeWhole(join(folder, "second"), "new");
    expect(readFileSync(real, "utf8")).toBe("new");
    expect(lstatSync(real).isFile()).toBe(true);
    expect(readlinkSync(join(folder, "links", "first"))).toBe("../real/file");
    expect([readdirSync(join(folder, "links")), readdirSync(join(folder, "real"))]).toEqual([["first"], ["file"]]);
  });

  test("writes to a device as it is", () => {
    writeWhole("/dev/null", "lost");
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
  });

  test("says what cannot be written, with commands that a shell takes as they are", async () => {
    const folder = join(newFolder(), "it's here");
    writeWhole(join(folder, "file"), "text");
    const problem = await Promise.resolve()
      .then(() => writeWhole(join(folder, "file", "below"), "text"))
      .catch((thrown: unknown) => thrown);
    if (!(problem instanceof LabError)) throw problem;
    expect(problem.what).toMatch(/^Cannot write ".*below": (ENOTDIR|EEXIST): /);
    expect(problem.exitCode).toBe(4);
    const [command = ""] = problem.fix.split("   (");
    expect(await exec("sh", ["-c", command])).toMatchObject({ stdout: expect.stringContaining("it's here/file") });
  });
});
