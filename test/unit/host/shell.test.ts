import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { readPrivateCa } from "../../../artifacts/private-ca";
import { summaryText } from "../../../cli/stack/lab";
import { readConfig } from "../../../cli/stack/settings";
import { requireProjectLayout } from "../../../cli/stack/state-ownership";
import { parseConfig } from "../../../config/load";
import { curlLines } from "../../../experiments/curl-lines";
import { LabError } from "../../../host/errors";
import { exec } from "../../../host/exec";
import { labOwner } from "../../../host/lab-owner";
import { shellWord } from "../../../host/shell";
import { examineExisting } from "../../../preflight/existing-cluster";
import { foreignCluster } from "../../../preflight/problems";
import { checkout } from "../cli/world";

/** Folders whose names a shell would split, expand or run. */
const names = ["a b", "it's", '"', "$HOME", "`false`", "a;b", "*", "~", "-n", "ü"];

/** The words that a POSIX shell makes of a command whose programs are stand-ins that print what they get. */
async function wordsOf(command: string): Promise<string[]> {
  const text = command.replace(/ {3}[(#].*$/gm, "");
  const { code, stdout, stderr } = await exec("/bin/sh", ["-c", `${text}\nprintf '%s\\n' "$PULUMI_BACKEND_URL"`], {
    env: { PATH: stand },
  });
  expect(code, `${text}: ${stderr}`).toBe(0);
  return stdout.split("\n");
}

let stand = "";
beforeAll(() => {
  stand = mkdtempSync(join(tmpdir(), "lab-words-"));
  writeFileSync(join(stand, "print"), "#!/bin/sh\nprintf '%s\\n' \"$@\"\n", { mode: 0o755 });
  for (const name of ["curl", "docker", "kubectl", "mkdir", "mv", "npm", "openssl", "pulumi", "rm"])
    symlinkSync(join(stand, "print"), join(stand, name));
});

test.each([...names, "", "a\nb"])("shellWord() keeps %j one word", async (text) => {
  const { stdout } = await exec("/bin/sh", ["-c", `printf '[%s]' ${shellWord(text)}`]);
  expect(stdout).toBe(`[${text}]`);
});

test.each(["/home/ann/.ambient-lab", "file:///a", "dev-2"])("shellWord() leaves %s as it is", (text) => {
  expect(shellWord(text)).toBe(text);
});

const thrownBy = (action: () => unknown): LabError => {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof LabError) return thrown;
  }
  return expect.fail("no LabError");
};

describe.each(names)("in a folder named %s, a command that is printed names the path as one word:", (name) => {
  const folder = join(mkdtempSync(join(tmpdir(), "lab-folder-")), name);
  const file = join(folder, "file");
  mkdirSync(folder);

  test.each<[string, string, () => string | Promise<string>]>([
    [
      "a lab of this user's with another backend",
      `file://${folder}`,
      () => foreignCluster("dev", `${labOwner().split(" ")[0]} file://${folder}`).fix.split("\n")[0] ?? "",
    ],
    [
      "settings that are not YAML",
      join(folder, "Pulumi.dev.yaml"),
      () => {
        writeFileSync(join(folder, "Pulumi.dev.yaml"), "a: [");
        return thrownBy(() => readConfig(folder, "dev")).fix;
      },
    ],
    [
      "a cluster that does not answer",
      file,
      async () => {
        const context = { cluster: "c", user: "u" };
        const clusters = [{ name: "c", cluster: { server: "http://127.0.0.1:9" } }];
        writeFileSync(
          file,
          JSON.stringify({ contexts: [{ name: "my lab", context }], clusters, users: [{ name: "u", user: {} }] }),
        );
        const config = parseConfig({
          cluster: "existing",
          kubeconfig: file,
          context: "my lab",
          appImage: "r.test/a:1",
        });
        return (await examineExisting(config, "dev")).problems[0]?.fix ?? "";
      },
    ],
    [
      "a CA that is none",
      file,
      () => {
        writeFileSync(file, "no certificate");
        return thrownBy(() => readPrivateCa(file)).fix.replace(/, then: .*$/, "");
      },
    ],
    [
      "a backend in the legacy layout",
      `file://${join(folder, "state")}`,
      () => {
        const env = { PULUMI_BACKEND_URL: `file://${folder}`, PULUMI_DIY_BACKEND_LEGACY_LAYOUT: "1" };
        return thrownBy(() => requireProjectLayout({ env, root: checkout() })).fix;
      },
    ],
    [
      "the summary of up",
      file,
      () =>
        summaryText("dev", { url: "http://127.0.0.1:1", kubeconfig: file, context: "c" }).match(
          /^ *kubectl .*$/m,
        )?.[0] ?? "",
    ],
    [
      "the curl lines of HTTPS",
      file,
      () =>
        curlLines({ ...parseConfig({ modules: ["gateway-tls"] }), httpsPort: 1 }, "http://127.0.0.1:1", {
          stack: "dev",
          tls: { url: "https://127.0.0.1:2", caFile: file },
        }).find((line) => line.includes("--cacert")) ?? "",
    ],
  ])("%s", async (_what, path, command) => {
    vi.stubEnv("AMBIENT_LAB_HOME", folder);
    expect(await wordsOf(await command())).toContain(path);
    vi.unstubAllEnvs();
  });
});
