import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { script } from "../../../components/script";
import { exec } from "../../../host/exec";

/** Runs scripts with stand-ins for docker and kind that print the given output. */
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
      ...{
        BACKEND: "file:///home/a b",
        MIRRORS: "",
        CACHES: "",
        CACHE_AT: "",
        BUNDLE: "",
        PLATFORM: "",
        SYSCTLS: "a=1",
        ...env,
      },
    },
    input: "kind: Cluster\n",
  });
  const hosts = (registry: string) => readFileSync(join(folder, "certs", registry, "hosts.toml"), "utf8");
  const marker = existsSync(join(folder, "marker")) && readFileSync(join(folder, "marker"), "utf8");
  return { ...result, hosts, marker, kinds: readFileSync(join(folder, "kind.calls"), "utf8") };
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

  // What kind v0.32.0 printed on Docker 28.2.2 when the port was taken; the command line is cut.
  const portTaken = [
    'ERROR: failed to create cluster: command "docker run --name c-control-plane" failed with error: exit status 125',
    "",
    "Command Output: 7be13958fb6db1c382217e73d04031e279bf8bb6eb2b797a0e2658cf4a249307",
    "docker: Error response from daemon: driver failed programming external connectivity on endpoint c-control-plane: Error starting userland proxy: listen tcp4 127.0.0.1:28999: bind: address already in use",
    "",
    "Run 'docker run --help' for more information",
  ];

  test("records the network and the backend of the state for the next run", async () => {
    const { marker } = await runScripts(create, "exit 0", "exit 0", { NETWORK_ID: "" });
    expect(marker).toBe("c  file:///home/a b\n");
    const docker = '[ "$1 $2" != "network ls" ] || echo id-1';
    for (const scripts of [create, ["kind-own", "kind-update"]])
      expect((await runScripts(scripts, docker, "exit 0", { NETWORK_ID: "id-1" })).marker).toBe(
        "c id-1 file:///home/a b\n",
      );
  });

  test("deletes no cluster that appeared under the name while kind was at work, or before", async () => {
    // It is on no network of the stack's from the second look on.
    const docker = `
case "$1 $2" in
  "ps -aq") [ ! -f "$0.seen" ] || echo 0123; [ -n "$LATE" ] || touch "$0.seen" ;;
  "inspect --format") echo "kind " ;;
esac`;
    const early = await runScripts(create, docker, "exit 0", { LATE: "" });
    expect(early.stderr).toContain('What  A kind cluster "c" exists that this stack did not make');
    expect(early.kinds).toBe("");
    const kind = `[ "$1" != create ] || { touch "$(dirname "$0")/docker.seen"; echo "node(s) already exist" >&2; exit 1; }`;
    const late = await runScripts(create, docker, kind, { LATE: "1" });
    expect(late.stderr).toContain('What  A kind cluster "c" exists that this stack did not make');
    expect(late.kinds.split("\n").filter((call) => call.startsWith("delete"))).toHaveLength(1);
  });

  test("shows Docker's own line when kind cannot create the cluster, and removes what it made", async () => {
    const words = portTaken.map((line) => `'${line.replaceAll("'", `'\\''`)}'`).join(" ");
    const kind = `[ "$1" != create ] || { printf '%s\\n' ${words} >&2; exit 1; }`;
    const { code, stderr, kinds } = await runScripts(create, "exit 0", kind);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(
      /^What {2}kind cannot create the cluster: docker: Error response from daemon: .*127\.0\.0\.1:28999: bind: address already in use$/m,
    );
    expect(stderr).toMatch(/^Fix {3}npm run lab -- doctor/m);
    expect(
      kinds
        .split("\n")
        .filter((call) => / cluster /.test(call))
        .map((call) => call.split(" ")[0]),
    ).toEqual([...["delete", "create", "delete"]]);
  });

  test("removes the half-made cluster by its name, and keeps no note of it for the next run", async () => {
    const { kinds, marker } = await runScripts(create, "exit 0", '[ "$1" != create ] || exit 1');
    const [, , removal = ""] = kinds.split("\n").filter((call) => / cluster /.test(call));
    expect(removal).toMatch(/^delete cluster --name c --kubeconfig \S+\/kubeconfig$/);
    expect(marker).toBe(false);
  });

  test("shows the first problem also when the half-made cluster cannot be removed", async () => {
    const kind = `case "$1" in create) touch "$0.made"; echo "ERROR: no space left on device" >&2; exit 1 ;; delete) [ ! -e "$0.made" ] || exit 1 ;; esac`;
    const { code, stderr } = await runScripts(create, "exit 0", kind);
    expect(code).toBe(1);
    expect(stderr).toContain("What  kind cannot create the cluster: ERROR: no space left on device");
    expect(stderr).toMatch(/^Fix {3}docker system df /m);
  });

  test("says so when nodes do not become Ready, and removes the cluster", async () => {
    const docker =
      'case "$1" in exec) echo "error: timed out waiting for the condition on nodes/c-worker" >&2; exit 1 ;; esac';
    const { code, stderr, kinds } = await runScripts(create, docker, "exit 0");
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      "What  Nodes of the cluster are not Ready: error: timed out waiting for the condition on nodes/c-worker",
    );
    expect(kinds.trim().split("\n").at(-1)).toContain("delete cluster");
  });

  test("deletes nothing while Docker does not report the owner of the cluster", async () => {
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
