import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { script, scriptTexts } from "../../../components/script";
import { exec } from "../../../host/exec";

/** What the stand-ins for docker and kind do: a shell `case` per program on all of its arguments. */
interface Machine {
  docker?: string;
  kind?: string;
  env?: Record<string, string>;
}

/** Runs scripts as the engine does: by name when it makes something, as texts of the state when it deletes. */
async function runScripts(names: readonly string[], { docker = "", kind = "", env = {} }: Machine) {
  const folder = mkdtempSync(join(tmpdir(), "lab-tool-failures-"));
  const program = (file: string, cases: string) =>
    writeFileSync(join(folder, file), `#!/bin/sh\ncase "$*" in\n${cases}\nesac\n`, { mode: 0o755 });
  program("docker", docker);
  program("kind", kind);
  const deletes = names.some((name) => /-(delete|remove|leave)$/.test(name));
  const command = deletes ? scriptTexts(...names) : script(...names);
  const { code, stderr } = await exec("/bin/sh", ["-c", command], {
    cwd: deletes ? folder : join(__dirname, "..", "..", ".."),
    env: {
      ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, CLUSTER: "ambient-lab-dev", NETWORK: "ambient-lab-dev" },
      ...{
        KUBECONFIG_FILE: join(folder, "kubeconfig"),
        MARKER_FILE: join(folder, "marker"),
        NETWORK_ID: "id-1",
        BACKEND: "b",
      },
      ...{ KIND_EXPERIMENTAL_DOCKER_NETWORK: "ambient-lab-dev", CERTS_DIR: join(folder, "certs"), CA_FILE: "" },
      ...{
        NODE_IMAGE: "kindest/node:v1",
        MIRRORS: "",
        CACHES: "docker.io=https://registry-1.docker.io",
        BUNDLE: "",
        PLATFORM: "linux/amd64",
      },
      ...{ LABELS: "ambient-lab.stack=dev", SYSCTLS: "fs.inotify.max_user_instances=1024", IMAGES: "a:1", ...env },
    },
  });
  const line = (label: string) => new RegExp(`^${label} +(.*)$`, "m").exec(stderr)?.[1];
  return { code, stderr, folder, what: line("What"), why: line("Why"), fix: line("Fix") };
}

/** A case that prints a tool's error output and fails as it does. */
const fails = (pattern: string, text: string, code = 1) =>
  `${pattern}) printf '%s\\n' '${text.replaceAll("'", `'\\''`)}' >&2; exit ${code} ;;`;

const removeNodes =
  "docker rm --force --volumes $(docker ps --all --quiet --filter label=io.x-k8s.kind.cluster=ambient-lab-dev)   (must succeed; if Docker cannot kill a container, restart Docker), then run the command again";

describe("a failing kind delete cluster", () => {
  // kind v0.27.0 and v0.33.0: pkg/cluster/internal/providers/docker/provider.go DeleteNodes(), cmd/kind/app/main.go logError().
  const kindSays = (answer: string) =>
    [
      'ERROR: failed to delete cluster "ambient-lab-dev": failed to delete nodes: command "docker rm -f -v ambient-lab-dev-control-plane" failed with error: exit status 1',
      "",
      `Command Output: ${answer}`,
    ].join("\n");
  // Docker's line: v20.10.27 daemon/delete.go and daemon/kill.go; v28.5.2 the same files, with lower-case words.
  test.each([
    "Error response from daemon: Could not kill running container 0123, cannot remove - tried to kill container, but did not receive an exit event",
    'Error response from daemon: cannot remove container "ambient-lab-dev-control-plane": could not kill container: tried to kill container, but did not receive an exit event',
    "Error response from daemon: removal of container ambient-lab-dev-control-plane is already in progress",
  ])("of destroy shows Docker's line, and keeps the files: %s", async (answer) => {
    const machine = { kind: fails('"delete cluster"*', kindSays(answer)), env: { MARKER_FILE: join(tmpdir(), "m") } };
    const { code, what, fix } = await runScripts(["problem", "kind-own", "kind-delete"], machine);
    expect(code).toBe(1);
    expect(what).toBe(`kind cannot delete cluster "ambient-lab-dev": ${answer}`);
    expect(fix).toBe(removeNodes);
  });

  test("before a new cluster is made shows it as well", async () => {
    const { what, fix } = await runScripts(["image-get", "kind-own", "kind-create"], {
      docker: '"image inspect"*) echo linux/amd64 ;;',
      kind: fails('"delete cluster"*', kindSays("Error response from daemon: device or resource busy")),
    });
    expect(what).toBe(
      'kind cannot delete cluster "ambient-lab-dev": Error response from daemon: device or resource busy',
    );
    expect(fix).toBe(removeNodes);
  });

  // kind v0.33.0 pkg/cluster/internal/kubeconfig/internal/kubeconfig/lock.go: O_EXCL, and no end of the wait.
  test("is not caused by the lock that a killed kind has left", async () => {
    const kind = `"delete cluster"*) [ ! -e "$(dirname "$0")/kubeconfig.lock" ] || { echo "ERROR: failed to lock config file: file exists" >&2; exit 1; } ;;`;
    const folder = mkdtempSync(join(tmpdir(), "lab-lock-"));
    writeFileSync(join(folder, "kubeconfig.lock"), "");
    const env = { KUBECONFIG_FILE: join(folder, "kubeconfig") };
    const locked = kind.replace('$(dirname "$0")', folder);
    const { code, stderr } = await runScripts(["problem", "kind-own", "kind-delete"], { kind: locked, env });
    expect(code, stderr).toBe(0);
    expect(existsSync(join(folder, "kubeconfig.lock"))).toBe(false);
  });
});

describe("a failing docker network rm", () => {
  const id = "8c31f1a4964f";
  const machine = (answer: string, users: string): Machine => ({
    docker: [
      `"network ls"*) echo ${id} ;;`,
      `*"range .Containers"*) echo "${users}" ;;`,
      fails(`"network rm"*`, answer),
    ].join("\n"),
  });
  // v20.10 and v27.5.1: daemon/network.go and libnetwork/error.go. v28.5.2 and v29: the endpoints in brackets, and one more
  // line of docker/cli cli/command/network/remove.go and cmd/docker/docker.go.
  const classic = `Error response from daemon: error while removing network: network ambient-lab-dev id ${id} has active endpoints`;
  const newer =
    'Error response from daemon: error while removing network: network ambient-lab-dev has active endpoints (name:"mine" id:"0123456789ab")';

  test.each([
    ["20.10 and 27", classic, classic],
    ["28 and 29", `${newer}\nexit status 1`, newer],
  ])("of Docker %s names the containers in it", async (_, answer, shown) => {
    const { code, what, why, fix } = await runScripts(["problem", "network-remove"], machine(answer, "mine other "));
    expect(code).toBe(1);
    expect(what).toBe(`Docker cannot remove network "ambient-lab-dev": ${shown}`);
    expect(why).toBe("The lab's network has containers that are not the lab's: mine other");
    expect(fix).toBe(
      "docker network disconnect --force ambient-lab-dev mine; docker network disconnect --force ambient-lab-dev other   (disconnects them), then run the command again",
    );
  });

  test("names the nodes of kind in the network of a lab that has no owner, and what removes them", async () => {
    const nodes = "ambient-lab-dev-control-plane ambient-lab-dev-worker";
    const { docker = "" } = machine(classic, `${nodes} mine `);
    const { code, why, fix } = await runScripts(["problem", "network-remove"], {
      docker: `"ps --all"*) printf '%s\\n' ${nodes} ;;\n${docker}`,
    });
    expect(code).toBe(1);
    expect(why).toBe(
      `The lab's network has nodes of a kind cluster, and no record of its owner: ${nodes}; and other containers: mine`,
    );
    expect(fix).toBe(
      `docker rm --force --volumes ${nodes}; docker network disconnect --force ambient-lab-dev mine   (only if nobody uses the cluster: deletes it), then run the command again`,
    );
  });

  test("after nodes that Docker does not remove shows Docker's line of the node", async () => {
    const { docker = "" } = machine(classic, "");
    const { code, what, fix } = await runScripts(["problem", "network-remove"], {
      docker: `"ps --all"*) echo ambient-lab-dev-worker ;;\n${fails("rm*", "Error response from daemon: busy")}\n${docker}`,
      env: { LABELS: "ambient-lab.stack=dev\nambient-lab.owner=a@b file:///home/a" },
    });
    expect(code).toBe(1);
    expect(what).toBe(
      "Docker cannot remove the nodes of an unfinished cluster, ambient-lab-dev-worker: Error response from daemon: busy",
    );
    expect(fix).toBe(
      "docker rm --force --volumes ambient-lab-dev-worker   (must succeed; if Docker cannot kill a container, restart Docker), then run the command again",
    );
  });

  test("for another reason shows the command", async () => {
    const { what, fix } = await runScripts(["problem", "network-remove"], machine("Error response from daemon: x", ""));
    expect(what).toBe('Docker cannot remove network "ambient-lab-dev": Error response from daemon: x');
    expect(fix).toBe("docker network rm ambient-lab-dev   (must succeed), then run the command again");
  });
});

describe("a Docker that does not answer", () => {
  // v28.5.2 client/errors.go; v29: moby/client v0.6.3 request.go; v20.10.27 client/request.go.
  test.each([
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
    "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: dial unix: connect: permission denied",
    "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
  ])("is what every script names: %s", async (answer) => {
    const machine = {
      docker: fails("*", answer),
      kind: fails("*", `ERROR: failed to list nodes\n\nCommand Output: ${answer}`),
    };
    for (const names of [
      ["problem", "kind-own", "kind-delete"],
      ["problem", "network-remove"],
      ["problem", "image-cache-leave"],
      ["kind-own", "kind-update"],
      ["node-sysctls"],
      ["image-get", "image-cache-join"],
    ]) {
      const { code, what, fix } = await runScripts(names, machine);
      expect(code, names.join()).toBe(1);
      expect(what, names.join()).toMatch(answer);
      expect(fix, names.join()).toBe(
        "npm run lab -- doctor   (shows why Docker does not answer), then run the command again",
      );
    }
  });
});

describe("a failing sysctl", () => {
  const kind = '"get nodes"*) echo ambient-lab-dev-worker ;;';
  // procps-ng v4.0.2 (Debian 12) and v4.0.4 (Debian 13, kind's nodes): src/sysctl.c, WriteSetting() and ReadSetting().
  test.each([
    'sysctl: permission denied on key "fs.inotify.max_user_instances"',
    'sysctl: setting key "fs.inotify.max_user_instances": Read-only file system',
  ])("that writes shows its line: %s", async (answer) => {
    const docker = `*" sysctl -n "*) echo 128 ;;\n${fails('*" sysctl -w "*', answer)}`;
    const { code, what, fix } = await runScripts(["node-sysctls"], { docker, kind });
    expect(code).toBe(1);
    expect(what).toBe(
      `Node "ambient-lab-dev-worker" has fs.inotify.max_user_instances = 128, below 1024, and cannot raise it: ${answer}`,
    );
    expect(fix).toBe("sudo sysctl -w fs.inotify.max_user_instances=1024   (on the machine that runs Docker)");
  });

  test.each([
    "Error response from daemon: container 0123 is not running",
    "sysctl: cannot stat /proc/sys/fs/inotify/max_user_instances: No such file or directory",
  ])("that reads shows its line: %s", async (answer) => {
    const { code, what, fix } = await runScripts(["node-sysctls"], { docker: fails("exec*", answer), kind });
    expect(code).toBe(1);
    expect(what).toBe(`Cannot read fs.inotify.max_user_instances on node "ambient-lab-dev-worker": ${answer}`);
    expect(fix).toBe(
      "docker ps --all --filter label=io.x-k8s.kind.cluster=ambient-lab-dev   (do all nodes run?), then run the command again",
    );
  });
});

describe("a failing kind", () => {
  // kind v0.33.0 pkg/cluster/internal/kubeconfig/kubeconfig.go get().
  test("that exports the kubeconfig shows its line", async () => {
    const answer =
      "ERROR: could not locate any control plane nodes for cluster named 'ambient-lab-dev'. Use the --name option to select a different cluster";
    const { code, what, fix } = await runScripts(["kind-own", "kind-update"], { kind: fails("export*", answer) });
    expect(code).toBe(1);
    expect(what).toBe(`kind cannot write the kubeconfig of cluster "ambient-lab-dev": ${answer}`);
    expect(fix).toMatch(
      /^docker ps --all --filter label=io\.x-k8s\.kind\.cluster=ambient-lab-dev {3}\(do all nodes run\?\)/,
    );
  });

  test("that lists the nodes is not hidden by what reads the list", async () => {
    const { code, what } = await runScripts(["image-get", "images-load"], {
      docker: '"image inspect"*) echo linux/amd64 ;;',
      kind: fails("get*", "ERROR: failed to list nodes"),
    });
    expect(code).toBe(1);
    expect(what).toBe('kind does not list the nodes of cluster "ambient-lab-dev": ERROR: failed to list nodes');
  });
});

describe("a cache that Docker does not move", () => {
  const answer = "Error response from daemon: endpoint with name ambient-lab-cache-docker.io already exists in network";

  test("into the lab's network", async () => {
    const docker = `"container inspect"*) echo "bridge " ;;\n${fails('"network connect"*', answer)}`;
    const { code, what, fix } = await runScripts(["image-get", "image-cache-join"], { docker });
    expect(code).toBe(1);
    expect(what).toBe(`Docker cannot connect ambient-lab-cache-docker.io to network "ambient-lab-dev": ${answer}`);
    expect(fix).toBe(
      "docker network connect ambient-lab-dev ambient-lab-cache-docker.io   (must succeed), then run the command again",
    );
  });

  test("out of it", async () => {
    const docker = `ps*) echo ambient-lab-cache-docker.io ;;\n${fails('"network disconnect"*', answer)}`;
    const { code, what, fix } = await runScripts(["problem", "image-cache-leave"], { docker });
    expect(code).toBe(1);
    expect(what).toBe(`Docker cannot disconnect ambient-lab-cache-docker.io from network "ambient-lab-dev": ${answer}`);
    expect(fix).toBe(
      "docker network disconnect --force ambient-lab-dev ambient-lab-cache-docker.io   (must succeed), then run the command again",
    );
  });
});
