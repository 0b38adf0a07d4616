import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { script } from "../../../components/script";
import { exec } from "../../../exec";

/** Runs scripts with a Docker and a kind that say what they are told to, and nothing else. */
async function runScripts(names: readonly string[], docker: string, kind: string, env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "lab-kind-create-"));
  writeFileSync(join(folder, "docker"), `#!/bin/sh\n${docker}\n`, { mode: 0o755 });
  writeFileSync(join(folder, "kind"), `#!/bin/sh\necho "$*" >> "${folder}/kind.calls"\n${kind}\n`, { mode: 0o755 });
  writeFileSync(join(folder, "kind.calls"), "");
  const result = await exec("/bin/sh", ["-c", script(...names)], {
    cwd: join(__dirname, "..", "..", ".."),
    env: {
      ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, CLUSTER: "c", NODE_IMAGE: "kindest/node:v1" },
      ...{ KUBECONFIG_FILE: join(folder, "kubeconfig"), MARKER_FILE: join(folder, "marker") },
      ...{ KIND_EXPERIMENTAL_DOCKER_NETWORK: "c", CERTS_DIR: join(folder, "certs"), CA_FILE: "" },
      ...{ MIRRORS: "", CACHES: "", CACHE_AT: "", BUNDLE: "", PLATFORM: "", SYSCTLS: "a=1", ...env },
    },
    input: "kind: Cluster\n",
  });
  const hosts = (registry: string) => readFileSync(join(folder, "certs", registry, "hosts.toml"), "utf8");
  return { ...result, hosts, kinds: readFileSync(join(folder, "kind.calls"), "utf8") };
}

describe("kind-create.sh", () => {
  const create = ["image-get", "kind-own", "kind-create"];

  test.each([
    ["docker.io", "https://mirror.test/docker-hub", "https://mirror.test/v2/docker-hub", true],
    ["docker.io", "https://mirror.test/a/b/", "https://mirror.test/v2/a/b", true],
    ["quay.io", "http://mirror.test:5000", "http://mirror.test:5000", false],
    ["quay.io", "http://mirror.test:5000/", "http://mirror.test:5000", false],
  ])("nodes ask the mirror of %s at %s where Docker asks it: %s", async (registry, mirror, asked, overridden) => {
    const { code, stderr, hosts } = await runScripts(create, "exit 0", "exit 0", { MIRRORS: `${registry}=${mirror}` });
    expect(code, stderr).toBe(0);
    expect(hosts(registry)).toContain(`[host."${asked}"]\n`);
    expect(hosts(registry).includes("override_path = true")).toBe(overridden);
  });

  test("deletes nothing while Docker does not tell whose cluster it is", async () => {
    const { code, kinds } = await runScripts(create, '[ "$1" != ps ] || exit 1', "exit 0");
    expect(code).not.toBe(0);
    expect(kinds).toBe("");
  });
});

describe("node-sysctls.sh", () => {
  const raised = 'case "$*" in *" sysctl -n "*) echo 5 ;; esac';

  test("reads every limit back on every node", async () => {
    const { code, stdout, stderr } = await runScripts(["node-sysctls"], raised, "printf 'a\\nb\\n'");
    expect(code, stderr).toBe(0);
    expect(stdout).toBe("a a 5 -> 5\nb a 5 -> 5");
  });

  test.each([
    ["kind fails", "exit 1"],
    ["there is no node", "exit 0"],
  ])("fails when %s", async (_, kind) => {
    expect((await runScripts(["node-sysctls"], raised, kind)).code).not.toBe(0);
  });
});
