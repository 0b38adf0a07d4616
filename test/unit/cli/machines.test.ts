import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { run } from "../../../cli/run";
import { script } from "../../../components/script";
import { parseProblems } from "../../../host/errors";
import { exec } from "../../../host/exec";
import {
  type DockerStandIn,
  type MachineSpec,
  type StandInMachine,
  standInMachine,
} from "../../support/stand-in-machine";
import { checkout, FakeEngine, fakeIo, ownLabHome } from "./world";

const engine = (version: string, api: string, more: Partial<DockerStandIn> = {}): DockerStandIn => ({
  ...{ client: version, server: version, api },
  ...more,
});
/**
 * Programs without a server: what each prints where the socket is missing, and where the user may not open it (docker/docker
 * v20.10.24 and v24.0.9 client/request.go and client/errors.go, moby/moby client v0.6.0 request.go).
 */
const socket = "unix:///var/run/docker.sock";
const withoutServer = {
  ...{ "20.10.24": before29(), "24.0.9": before29() },
  "29.8.1": {
    absent: `failed to connect to the docker API at ${socket}; check if the path is correct and if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory`,
    permission: `permission denied while trying to connect to the docker API at ${socket}`,
  },
};
function before29() {
  return {
    absent: `Cannot connect to the Docker daemon at ${socket}. Is the docker daemon running?`,
    permission: `permission denied while trying to connect to the Docker daemon socket at ${socket}`,
  };
}
/** moby/moby at 0fa212dd, daemon/server/middleware/version.go. Docker 29.0 asks for API 1.44. */
const tooOld =
  "Error response from daemon: client version 1.43 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version";
const asked =
  "Error response from daemon: client version 1.39 is too old. Minimum supported API version is 1.40, please upgrade your client to a newer version";
/** moby/moby client v0.6.0 (of docker/cli v29.8.1), client.go. */
const unsupported = "API version 1.39 is not supported by this client: the minimum supported API version is 1.40";
const gone = "unix:///home/me/.colima/docker.sock";
const goneBefore29 = `Cannot connect to the Docker daemon at ${gone}. Is the docker daemon running?`;
const goneSince29 = `failed to connect to the docker API at ${gone}; check if the path is correct and if the daemon is running: dial unix /home/me/.colima/docker.sock: connect: no such file or directory`;
const rootless = {
  SecurityOptions: ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"],
  DockerRootDir: "/home/me/.local/share/docker",
};
const images = ["docker.io/istio/pilot:1", "docker.io/istio/proxyv2:1", "quay.io/metallb/speaker:1"];
const all = images.map((image) => `${image} linux/amd64`);

/** A row: the machine, what doctor says about it beside ports, and what `up` does. */
interface Row {
  machine: MachineSpec;
  /** "status id: What" of every finding that is not good. */
  doctor: string[];
  /** What of the problems that `up` ends with. @default it gets to the end */
  refuses?: string[];
  /** What the Fix of the first of them names. */
  fix?: string;
  /** Images that the nodes pulled, where not all came from this machine. */
  pulled?: string[];
}
const kind = "0.32.0";

const table: Record<string, Row> = {
  "Docker 20.10": { machine: { docker: engine("20.10.24", "1.41"), kind }, doctor: [] },
  "Docker 24": { machine: { docker: engine("24.0.9", "1.43"), kind }, doctor: [] },
  "Docker 27, classic store": { machine: { docker: engine("27.5.1", "1.47"), kind }, doctor: [] },
  "Docker 27, containerd store": {
    machine: { docker: engine("27.5.1", "1.47", { containerd: true }), kind },
    doctor: [
      "fail image-store: Docker has the containerd image store, and its client 27.5.1 and server 27.5.1 use API 1.47",
    ],
    refuses: ["Docker has the containerd image store, and its client 27.5.1 and server 27.5.1 use API 1.47"],
  },
  "a client of Docker 28 and a server of 27, containerd store": {
    machine: { docker: { ...engine("28.5.2", "1.47", { containerd: true }), server: "27.5.1" }, kind },
    doctor: [
      "fail image-store: Docker has the containerd image store, and its client 28.5.2 and server 27.5.1 use API 1.47",
    ],
    refuses: ["Docker has the containerd image store, and its client 28.5.2 and server 27.5.1 use API 1.47"],
  },
  "Docker 28": { machine: { docker: engine("28.5.2", "1.51"), kind }, doctor: [] },
  "Docker 29, containerd store": {
    machine: { docker: engine("29.8.1", "1.56", { containerd: true }), kind },
    doctor: [],
  },
  "Docker 29, containerd store with a missing layer": {
    machine: { docker: engine("29.8.1", "1.56", { containerd: true, lacking: "docker.io/istio/proxyv2:1" }), kind },
    doctor: [],
    pulled: ["docker.io/istio/proxyv2:1"],
  },
  "Docker from snap": {
    machine: {
      docker: engine("28.4.0", "1.51", {
        snap: true,
        info: { DockerRootDir: "/var/snap/docker/common/var-lib-docker" },
      }),
      kind,
    },
    doctor: [],
  },
  "Docker Desktop": {
    machine: {
      docker: engine("28.5.2", "1.51", {
        containerd: true,
        endpoint: "unix:///Users/me/.docker/run/docker.sock",
        info: { OperatingSystem: "Docker Desktop", Name: "docker-desktop", KernelVersion: "6.10.14-linuxkit" },
      }),
      kind,
    },
    doctor: [],
  },
  Colima: {
    machine: {
      docker: engine("28.4.0", "1.51", {
        endpoint: "unix:///Users/me/.colima/default/docker.sock",
        info: { OperatingSystem: "Ubuntu 24.04.2 LTS", Name: "colima", MemTotal: 2 * 1024 ** 3 },
      }),
      kind,
    },
    doctor: ["fail memory: Docker has 2.0 GiB of memory"],
    refuses: ["Docker has 2.0 GiB of memory"],
  },
  "podman under Docker's name": {
    machine: {
      docker: engine("5.6.0", "5.6.0", {
        podman: {
          host: { buildahVersion: "1.41.3", cgroupVersion: "v2", cpus: 8, memTotal: 16 * 1024 ** 3 },
          version: { APIVersion: "5.6.0", Version: "5.6.0" },
        },
      }),
      kind,
    },
    doctor: ["fail docker-kind: podman answers in Docker's place"],
    refuses: ["podman answers in Docker's place"],
  },
  "podman behind Docker's socket": {
    machine: { docker: { ...engine("28.5.2", "1.41", { component: "Podman Engine" }), server: "5.6.0" }, kind },
    doctor: ["fail docker-kind: podman answers in Docker's place"],
    refuses: ["podman answers in Docker's place"],
  },
  "rootless Docker": {
    machine: {
      docker: engine("28.5.2", "1.51", { info: rootless, endpoint: "unix:///run/user/1000/docker.sock" }),
      kind,
    },
    doctor: ["warn docker-kind: Docker is rootless"],
  },
  "rootless Docker on cgroup v1": {
    machine: { docker: engine("28.5.2", "1.51", { info: { ...rootless, CgroupVersion: "1" } }), kind },
    doctor: [
      "fail docker-kind: Docker is rootless, on cgroup v1",
      "fail cgroup: Docker runs on cgroup v1, the nodes run Kubernetes 1.37.0",
    ],
    refuses: ["Docker is rootless, on cgroup v1", "Docker runs on cgroup v1, the nodes run Kubernetes 1.37.0"],
  },
  "the Docker of another machine": {
    machine: { docker: engine("28.5.2", "1.51"), kind, env: { DOCKER_HOST: "ssh://me@build.example" } },
    doctor: ["fail docker-host: Docker runs on build.example"],
    refuses: ["Docker runs on build.example"],
  },
  DOCKER_DEFAULT_PLATFORM: {
    machine: { docker: engine("28.5.2", "1.51"), kind, env: { DOCKER_DEFAULT_PLATFORM: "linux/arm64" } },
    doctor: [],
  },
  "credsStore of a Docker Desktop that is gone": {
    machine: { docker: engine("29.8.1", "1.56"), kind, dockerConfig: { auths: {}, credsStore: "desktop" } },
    doctor: [
      "fail docker-credentials: HOME/.docker/config.json names docker-credential-desktop, and the PATH has no such program",
    ],
    refuses: ["HOME/.docker/config.json names docker-credential-desktop, and the PATH has no such program"],
    fix: 'Remove "credsStore" from HOME/.docker/config.json',
  },
  "credHelpers of a registry that the lab does not use": {
    machine: { docker: engine("29.8.1", "1.56"), kind, dockerConfig: { credHelpers: { "gcr.io": "gcloud" } } },
    doctor: [],
  },
  "KIND_EXPERIMENTAL_PROVIDER=podman": {
    machine: { docker: engine("28.5.2", "1.51"), kind, env: { KIND_EXPERIMENTAL_PROVIDER: "podman" } },
    doctor: [],
  },
  "kind 0.27": { machine: { docker: engine("28.5.2", "1.51"), kind: "0.27.0" }, doctor: [] },
  "kind 0.30": { machine: { docker: engine("28.5.2", "1.51"), kind: "0.30.0" }, doctor: [] },
  "kind 0.33": { machine: { docker: engine("28.5.2", "1.51"), kind: "0.33.0" }, doctor: [] },
  "no kind": { machine: { docker: engine("28.5.2", "1.51") }, doctor: [] },
  "a client of Docker 24 and a server of 29.0": {
    machine: { docker: engine("24.0.9", "1.43", { unreachable: tooOld }), kind },
    doctor: [`fail docker: Docker does not answer: ${tooOld}`],
    refuses: [`Docker does not answer: ${tooOld}`],
    fix: "Update Docker",
  },
  // Real answer of Docker 29.8.1, whose info then ends well.
  "DOCKER_API_VERSION older than the server takes": {
    machine: { docker: engine("29.8.1", "1.39", { unreachable: asked }), kind, env: { DOCKER_API_VERSION: "1.39" } },
    doctor: [`fail docker: Docker does not answer: ${asked}`],
    refuses: [`Docker does not answer: ${asked}`],
    fix: "unset DOCKER_API_VERSION",
  },
  "a client of Docker 29 and a server of 18.09": {
    machine: { docker: engine("29.8.1", "1.40", { unreachable: unsupported }), kind },
    doctor: [`fail docker: Docker does not answer: ${unsupported}`],
    refuses: [`Docker does not answer: ${unsupported}`],
    fix: "Update Docker",
  },
  // Real answer of docker 29.8.1 with this DOCKER_HOST; 28.2.2 has the words of Docker 20.10.
  "DOCKER_HOST of a Docker 29 that is gone": {
    machine: { docker: engine("29.8.1", "1.56", { unreachable: goneSince29 }), kind, env: { DOCKER_HOST: gone } },
    doctor: [`fail docker: Docker does not answer: ${goneSince29}`],
    refuses: [`Docker does not answer: ${goneSince29}`],
    fix: `Start the Docker behind ${gone}, or: docker context use default; unset DOCKER_HOST   (the usual one), then: npm run lab`,
  },
  "DOCKER_HOST of a Docker 28 that is gone": {
    machine: { docker: engine("28.2.2", "1.50", { unreachable: goneBefore29 }), kind, env: { DOCKER_HOST: gone } },
    doctor: [`fail docker: Docker does not answer: ${goneBefore29}`],
    refuses: [`Docker does not answer: ${goneBefore29}`],
    fix: `Start the Docker behind ${gone}, or: docker context use default; unset DOCKER_HOST   (the usual one), then: npm run lab`,
  },
  "no Docker": {
    machine: { kind },
    doctor: ["fail docker: Docker is not installed"],
    refuses: ["Docker is not installed"],
    fix: "Install Docker",
  },
  ...Object.fromEntries(
    Object.entries(withoutServer).flatMap(([version, { absent, permission }]) => [
      [
        `Docker ${version} that does not run`,
        {
          machine: { docker: engine(version, "1.41", { unreachable: absent }), kind },
          doctor: [`fail docker: Docker does not answer: ${absent}`],
          refuses: [`Docker does not answer: ${absent}`],
          fix: "Start Docker",
        },
      ],
      [
        `Docker ${version} and a user outside the group docker`,
        {
          machine: { docker: engine(version, "1.41", { unreachable: permission }), kind },
          doctor: [`fail docker: Docker does not answer: ${permission}`],
          refuses: [`Docker does not answer: ${permission}`],
          fix: "usermod -aG docker",
        },
      ],
    ]),
  ),
};

/** The engine, whose `up` runs the scripts that bring images into the nodes, with the tools that it was given. */
class LoadingEngine extends FakeEngine {
  env: Record<string, string> = {};
  problems: string[] = [];

  override async up(options: Parameters<FakeEngine["up"]>[0]): Promise<void> {
    await super.up(options);
    const { code, stderr } = await exec(
      "/bin/sh",
      ["-c", `${script("image-get", "images-pull")}; ${script("images-load")}`],
      {
        cwd: join(__dirname, "../../.."),
        env: {
          ...this.env,
          CLUSTER: "ambient-lab-alice",
          IMAGES: images.join("\n"),
          MIRRORS: "",
          CACHES: "",
          BUNDLE: "",
          PLATFORM: "",
        },
      },
    );
    if (code !== 0) this.problems = parseProblems(stderr).map(({ what }) => what);
  }
}

/** What a mirror has instead of kind is checked by the mirror's own list of digests. */
const settings = { "Pulumi.alice.yaml": "config:\n  ambient-lab:artifactSource: https://mirror.test\n" };

/** kind's release, for machines that have none that fits: it answers as kind 0.32 does. */
function releaseOf(machine: StandInMachine) {
  const text = `#!/bin/sh
case "$1 $2" in
  "version ") echo "kind v0.32.0 go1.26.1 linux/amd64" ;;
  "get nodes") printf 'ambient-lab-alice-control-plane\\nambient-lab-alice-worker\\n' ;;
  "load image-archive") cat "$3" >>"${join(machine.env.PATH ?? "", "../loaded")}" ;;
esac
`;
  const digest = createHash("sha256").update(text).digest("hex");
  return async (address: string) =>
    Buffer.from(
      address.endsWith(".sha256sum") ? `${digest}  ${address.split("/").at(-1)?.replace(".sha256sum", "")}\n` : text,
    );
}

afterEach(() => vi.unstubAllEnvs());

/** Makes the process one of the machine, as its shell would start it. */
function enter(machine: StandInMachine): void {
  for (const name of [
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_API_VERSION",
    "HTTPS_PROXY",
    "https_proxy",
  ])
    vi.stubEnv(name, "");
  for (const [name, value] of Object.entries(machine.env)) vi.stubEnv(name, value);
}

describe.each(Object.entries(table))("on %s", (_, { machine, doctor, refuses = [], fix = "", pulled = [] }) => {
  test("doctor says what is wrong, and up refuses with it or brings the images into the nodes", async () => {
    const home = ownLabHome();
    const there = standInMachine(machine);
    enter(there);
    const withHome = (text: string) => text.replaceAll(there.env.HOME ?? "", "HOME").replaceAll(home, "LAB");
    const io = () => {
      const own = new LoadingEngine();
      own.stackOutputs = { url: "http://127.0.0.1:1", curl: [], kubeconfig: "/k", context: "c" };
      const made = fakeIo({ root: checkout(settings), exec, env: process.env, engine: own, fetcher: releaseOf(there) });
      const openEngine: typeof made.openEngine = async ({ env }) => Object.assign(own, { env });
      return Object.assign(made, { openEngine, own });
    };
    const seen = io();
    await run(["doctor", "--stack", "alice", "--json"], seen);
    const { findings } = JSON.parse(seen.out()) as { findings: { id: string; status: string; what: string }[] };
    const wrong = findings.filter(({ id, status }) => status !== "ok" && !["port", "https-port"].includes(id));
    expect(wrong.map(({ id, status, what }) => withHome(`${status} ${id}: ${what}`))).toEqual(doctor);

    const used = io();
    const code = await run(["up", "--stack", "alice", "--yes", "--no-verify"], used);
    const told = parseProblems(used.err()).map(({ what }) => withHome(what));
    expect([code, told, used.own.problems]).toEqual([refuses.length > 0 ? 4 : 0, refuses, []]);
    expect(withHome(parseProblems(used.err())[0]?.fix ?? "")).toContain(fix);
    expect(used.own.calls.includes("up")).toBe(refuses.length === 0);
    if (refuses.length > 0) return;
    expect(there.loaded().sort()).toEqual(all.filter((each) => !pulled.some((image) => each.startsWith(`${image} `))));
    expect([...new Set(there.pulled())]).toEqual(pulled);
  });
});
