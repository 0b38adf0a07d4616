import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import semver from "semver";
import type { DockerKind } from "./docker-facts";
import { type Check, ok } from "./types";

const gib = 1024 ** 3;
const inGib = (bytes: number) => `${(bytes / gib).toFixed(1)} GiB`;

/** Three nodes with mesh and dashboards need about 3 GiB; below it the kernel ends pods at random. */
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

/** What the Docker daemon has and is. */
export const dockerChecks: readonly Check[] = [dockerAnswers, enoughMemory, enoughDisk, cgroup, imageStore];
