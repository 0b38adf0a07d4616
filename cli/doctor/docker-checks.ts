import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { homedir } from "node:os";
import semver from "semver";
import { labHome } from "../../host/paths";
import type { DockerKind } from "./docker-facts";
import { type Check, ok } from "./types";

const gib = 1024 ** 3;
const inGib = (bytes: number) => `${(bytes / gib).toFixed(1)} GiB`;

/** Three nodes with mesh and dashboards use about 3 GiB. With less memory the kernel kills processes of the pods. */
const memory = { least: 3 * gib, comfortable: 6 * gib };
/** The node image and, in each of three nodes, the bill of images. */
const disk = { least: 8 * gib, comfortable: 16 * gib };
/** First Kubernetes whose kubelet does not start on cgroup v1. */
const cgroupV2Only = "1.35.0";

const dockerAnswers: Check = {
  id: "docker",
  title: "Docker answers",
  kindOnly: true,
  look({ docker: { info, code, complaint } }) {
    if (info) return ok(`server ${info.serverVersion}, ${info.cpus} CPUs, ${info.operatingSystem}`);
    const absent = code === 127;
    return {
      status: "fail",
      what: absent ? "Docker is not installed" : `Docker does not answer${complaint ? `: ${complaint}` : ""}`,
      why: "Every node of the lab is a Docker container",
      fix: `${absent ? "Install" : "Start"} Docker, then: npm run lab -- doctor   (without Docker: npm run lab -- plan)`,
    };
  },
};

const enoughMemory: Check = {
  id: "memory",
  title: "Docker has memory for the lab",
  kindOnly: true,
  look({ docker: { info }, config }) {
    if (!info) return ok("not known while Docker does not answer");
    if (info.memoryBytes >= memory.comfortable) return ok(inGib(info.memoryBytes));
    return {
      status: info.memoryBytes < memory.least ? "fail" : "warn",
      what: `Docker has ${inGib(info.memoryBytes)} of memory`,
      why: `A lab of ${config.workers + 1} nodes with its dashboards settles near ${inGib(memory.least)}; pods that find none are ended`,
      fix: "Give Docker 6 GiB (Docker Desktop: Settings, Resources; WSL: .wslconfig), or: pulumi config set --path 'addons[0]' prometheus",
    };
  },
};

const enoughDisk: Check = {
  id: "disk",
  title: "Docker has disk for the images",
  kindOnly: true,
  async look({ docker: { info, local } }) {
    if (!info) return ok("not known while Docker does not answer");
    // WSL 2 shares its kernel with Docker Desktop, and not its disk.
    if (!local || !existsSync(info.rootDir))
      return ok(`Docker's disk is not on this machine; "docker system df" shows its use`);
    const { bavail, bsize } = await statfs(info.rootDir);
    const free = bavail * bsize;
    if (free >= disk.comfortable) return ok(`${inGib(free)} free in ${info.rootDir}`);
    return {
      status: free < disk.least ? "fail" : "warn",
      what: `${info.rootDir} has ${inGib(free)} free`,
      why: "Every node holds its own copy of the images",
      fix: "docker system prune   (removes what no container uses), or: pulumi config set workers 1",
    };
  },
};

const cgroup: Check = {
  id: "cgroup",
  title: "The kernel has the cgroup version that the nodes need",
  kindOnly: true,
  look({ docker: { info }, config }) {
    if (!info) return ok("not known while Docker does not answer");
    const version = semver.coerce(/:v?(\d+\.\d+[\w.]*)/.exec(config.nodeImage)?.[1]);
    const node = version ? `Kubernetes ${version}` : `node image ${config.nodeImage}`;
    if (info.cgroupVersion !== "1") return ok(`cgroup v${info.cgroupVersion || "2"}`);
    if (version && semver.lt(version, cgroupV2Only)) return ok(`cgroup v1, which ${node} still runs on`);
    return {
      status: version ? "fail" : "warn",
      what: `Docker runs on cgroup v1, the nodes run ${node}`,
      why: "Since Kubernetes 1.35 the kubelet does not start on cgroup v1",
      fix: "Boot with systemd.unified_cgroup_hierarchy=1 (WSL: kernelCommandLine=cgroup_no_v1=all), or: pulumi config set nodeImage kindest/node:v1.34.2",
    };
  },
};

/**
 * First API with a platform for `docker save`; client and server have it since Docker 28 (docker/cli v28.0.0,
 * cli/command/image/save.go). Without one the containerd image store writes layers of platforms that it does not have.
 */
const saveApi = "1.48.0";

const imageStore: Check = {
  id: "image-store",
  title: "Docker's image store can write images of one platform",
  kindOnly: true,
  look({ docker: { info }, io: { env } }) {
    if (!info) return ok("not known while Docker does not answer");
    if (!info.containerdStore) return ok("classic");
    const api = semver.coerce(info.apiVersion);
    if (!api || semver.gte(api, saveApi)) return ok("containerd's; images are loaded as single-platform archives");
    const asked = semver.coerce(env.DOCKER_API_VERSION);
    return {
      status: "fail",
      what: `Docker has the containerd image store, and its client ${info.clientVersion} and server ${info.serverVersion} use API ${info.apiVersion}`,
      why: '"docker save --platform" needs API 1.48, which client and server of Docker 28 have: images reach the nodes by it',
      fix: asked && semver.lt(asked, saveApi) ? "unset DOCKER_API_VERSION" : withoutStore(info.kind),
    };
  },
};

function withoutStore(kind: DockerKind): string {
  if (kind === "Docker Desktop")
    return 'Update Docker Desktop, or switch off Settings, General, "Use containerd for pulling and storing images"';
  return 'Update Docker to 28 or later, client and server, or put {"features": {"containerd-snapshotter": false}} into /etc/docker/daemon.json and restart Docker';
}

/** Checks of the Docker daemon's version and resources. */
export const dockerChecks: readonly Check[] = [dockerAnswers, enoughMemory, enoughDisk, cgroup, imageStore];

/** What is worth knowing of a kind of Docker on which the lab works. */
const kinds: Record<Exclude<DockerKind, "podman">, string> = {
  "Docker Engine": "its own network is reachable as well",
  "Docker Desktop":
    "the lab is reached on 127.0.0.1; proxies and resources are in its settings, CAs in the system's store",
  OrbStack: "the lab is reached on 127.0.0.1",
  Colima: 'the lab is reached on 127.0.0.1; "colima start --memory 8" gives it room',
  "Rancher Desktop": "the lab is reached on 127.0.0.1; it must run with dockerd (moby)",
};

const dockerKind: Check = {
  id: "docker-kind",
  title: "The lab works on this kind of Docker",
  kindOnly: true,
  look({ docker: { info }, config }) {
    if (!info) return ok("not known while Docker does not answer");
    if (info.kind === "podman") {
      return {
        status: "fail",
        what: "podman answers in Docker's place",
        why: "kind's nodes, networks and image archives are not the same there, and the lab is not tested on it",
        fix: 'docker context use NAME   (of a Docker; "docker context ls"), or: pulumi config set cluster existing',
      };
    }
    if (info.rootless) return rootless(info.cgroupVersion);
    const mounts = config.imageMirrors.length > 0 || config.imageCache || config.caFile;
    if (info.kind === "Colima" && mounts && !labHome().startsWith(`${homedir()}/`)) {
      return {
        status: "fail",
        what: `Colima's machine does not see ${labHome()}`,
        why: "The nodes mount their mirrors from there, and Colima shares the home folder alone",
        fix: "unset AMBIENT_LAB_HOME   (the lab's files are then in ~/.ambient-lab)",
      };
    }
    return ok(`${info.kind}: ${kinds[info.kind]}`);
  },
};

function rootless(cgroupVersion: string): ReturnType<Check["look"]> {
  if (cgroupVersion === "1") {
    return {
      status: "fail",
      what: "Docker is rootless, on cgroup v1",
      why: "kind's nodes start without root on cgroup v2 alone",
      fix: "docker context use default   (the daemon of root), or boot with systemd.unified_cgroup_hierarchy=1",
    };
  }
  return {
    status: "warn",
    what: "Docker is rootless",
    why: "Its nodes can neither raise kernel limits nor load modules, and need cgroup controllers that systemd delegates",
    fix: [
      "sudo modprobe -a ip_tables iptable_nat ip6_tables ip6table_nat   (and /etc/modules-load.d),",
      'Delegate=cpu cpuset io memory pids in /etc/systemd/system/user@.service.d/delegate.conf, the limits of check "inotify"',
    ].join("\n"),
  };
}

const sameMachine: Check = {
  id: "docker-host",
  title: "Docker runs on this machine",
  kindOnly: true,
  look({ docker: { endpoint } }) {
    const [, host = ""] = /^(?:tcp|ssh|https?):\/\/(?:[^@/]*@)?(\[[^\]]*\]|[^:/]*)/.exec(endpoint) ?? [];
    const here = ["", "localhost", "127.0.0.1", "[::1]"].includes(host);
    if (here) return ok(endpoint || "its address is not told");
    return {
      status: "fail",
      what: `Docker runs on ${host}`,
      why: "The lab and its API server are published on 127.0.0.1 of the machine that runs Docker, which is not this one",
      fix: `docker context use default; unset DOCKER_HOST   (or run the lab on ${host})`,
    };
  },
};

const proxy: Check = {
  id: "docker-proxy",
  title: "Docker and this shell go the same way out",
  kindOnly: true,
  look({ docker: { info }, io: { env }, config }) {
    if (!info) return ok("not known while Docker does not answer");
    const wanted = env.HTTPS_PROXY ?? env.https_proxy;
    const bundled = config.artifactSource !== undefined && !config.artifactSource.startsWith("http");
    if (!wanted || info.proxy || bundled) return ok(info.proxy ? "by proxies" : "without a proxy");
    return {
      status: "warn",
      what: "HTTPS_PROXY is set here, and Docker has no proxy",
      why: "Docker pulls the images, and reads its daemon's settings alone",
      fix: 'Put "proxies" into /etc/docker/daemon.json, or into the settings of your Docker   (docs/offline.md)',
    };
  },
};

/** Which Docker it is, where it runs and how it gets out. */
export const dockerKindChecks: readonly Check[] = [dockerKind, sameMachine, proxy];
