import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { exec } from "../../../host/exec";
import { checkout } from "./world";

const root = resolve(__dirname, "../../..");

// setrlimit(2), RLIMIT_FSIZE: a write past the limit fails with EFBIG, and open(2) with O_TRUNC has emptied the file by
// then. Node.js ignores SIGXFSZ, which would end the process (node v20, src/node.cc, ResetSignalHandlers()).
test("a settings file that cannot be written keeps its text, and the failure is a problem with a Fix", async () => {
  const text = "# mine\nconfig:\n  ambient-lab:workers: 1\n";
  const folder = checkout({ "Pulumi.alice.yaml": text });
  const before = readdirSync(folder);
  const lab = [process.execPath, "--require", "@swc-node/register", join(root, "test/support/lab-in.ts"), folder];
  const args = ["up", "--stack", "alice", "--config", "faultPercent=30"];
  const limited = ["-c", 'ulimit -f 0; exec "$@"', "sh", ...lab, ...args];
  const { code, stdout, stderr } = await exec("sh", limited, { cwd: root, timeoutMs: 60_000 });
  expect(readFileSync(join(folder, "Pulumi.alice.yaml"), "utf8")).toBe(text);
  expect(readdirSync(folder)).toEqual(before);
  expect(stderr).toBe(
    [
      "✗ up",
      `    What  Cannot write "${join(folder, "Pulumi.alice.yaml")}": EFBIG: file too large, write`,
      "    Why   A file is replaced as a whole, so that its former content has not changed",
      "    Fix   ulimit -f   (this shell limits the size of a file; run the command again from one that does not)",
    ].join("\n"),
  );
  expect([code, stdout]).toEqual([4, ""]);
}, 60_000);
