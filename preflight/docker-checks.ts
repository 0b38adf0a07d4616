import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import semver from "semver";
import { isWeb } from "../artifacts/bundle-folder";
import { mirrorsOf, registries } from "../config/image-names";
import type { LabConfig } from "../config/schema";
import type { Problem } from "../host/errors";
import { firstOnPath } from "../host/exec";
import { labHome } from "../host/paths";
import { type Check, type CheckContext, ok, unknownWithoutDocker } from "./check";
import type { DockerKind } from "./docker-facts";
import { dockerMissing } from "./problems";

/** First version of Kubernetes whose kubelet does not start on cgroup v1. */
const cgroupV2Only = "1.35.0";

const dockerAnswers: Check = {
  id: "docker",
  title: "Docker answers",
  kindOnly: true,
  look({ docker: { info, code, complaint }, env }) {
    if (info) return ok(`server ${info.serverVersion}, ${info.cpus} CPUs, ${info.operatingSystem}`);
    return { status: "fail", ...dockerMissing(code, complaint, env) };
  },
};

/** A hint about each supported kind of Docker. */
const kinds: Record<Exclude<DockerKind, "podman">, string> = {
  "Docker Engine": "its own network is reachable as well",
  "Docker from snap": "archives reach it through pipes, since its /tmp is its own",
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
    if (!info) return unknownWithoutDocker;
    if (info.kind === "podman") {
      return {
        status: "fail",
        what: "podman answers in Docker's place",
        why: "kind's nodes, networks and image archives are not the same there, and the lab is not tested on it",
        fix: 'docker context use NAME   (of a Docker; "docker context ls"), or: npm run lab -- config set cluster existing',
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

const cgroup: Check = {
  id: "cgroup",
  title: "The kernel has the cgroup version that the nodes need",
  kindOnly: true,
  look({ docker: { info }, config }) {
    if (!info) return unknownWithoutDocker;
    const version = semver.coerce(/:v?(\d+\.\d+[\w.]*)/.exec(config.nodeImage)?.[1]);
    const node = version ? `Kubernetes ${version}` : `node image ${config.nodeImage}`;
    if (info.cgroupVersion !== "1") return ok(`cgroup v${info.cgroupVersion || "2"}`);
    if (version && semver.lt(version, cgroupV2Only)) return ok(`cgroup v1, which ${node} still runs on`);
    return {
      status: version ? "fail" : "warn",
      what: `Docker runs on cgroup v1, the nodes run ${node}`,
      why: "Since Kubernetes 1.35 the kubelet does not start on cgroup v1",
      fix: "Boot with systemd.unified_cgroup_hierarchy=1 (WSL: kernelCommandLine=cgroup_no_v1=all), or: npm run lab -- config set nodeImage kindest/node:v1.34.2",
    };
  },
};

/**
 * First API version with `docker save --platform`, in client and server since Docker 28 (docker/cli v28.0.0,
 * cli/command/image/save.go). Without the option, the containerd image store fails on layers of platforms that it lacks.
 */
const saveApi = "1.48.0";

const imageStore: Check = {
  id: "image-store",
  title: "Docker's image store can write images of one platform",
  kindOnly: true,
  look({ docker: { info }, env }) {
    if (!info) return unknownWithoutDocker;
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

const credentials: Check = {
  id: "docker-credentials",
  title: "Docker finds its programs for credentials",
  kindOnly: true,
  look({ env, config }) {
    const file = join(env.DOCKER_CONFIG || join(env.HOME || homedir(), ".docker"), "config.json");
    if (!existsSync(file)) return ok(`no ${file}`);
    const { credsStore, credHelpers } = settingsOf(file);
    const ofRegistries = registriesOf(config).map((registry) => credHelpers[registry] ?? credsStore);
    const [missing] = [...new Set(ofRegistries)].filter(
      (name) => name && !firstOnPath(`docker-credential-${name}`, env),
    );
    if (!missing) return ok(credsStore ? `docker-credential-${credsStore}` : "none asked for");
    return {
      status: "fail",
      what: `${file} names docker-credential-${missing}, and the PATH has no such program`,
      why: "docker asks it before every pull and build, of public images as well, and fails",
      fix: `Remove "${credsStore === missing ? "credsStore" : "credHelpers"}" from ${file}   (a Docker that is gone has left it), then: docker login`,
    };
  },
};

/** Credential keys of docker's configuration file (docker/cli cli/config/configfile/file.go); none when it cannot be read. */
function settingsOf(file: string): { credsStore?: string; credHelpers: Record<string, string> } {
  try {
    const { credsStore, credHelpers = {} } = JSON.parse(readFileSync(file, "utf8")) ?? {};
    return { credsStore, credHelpers };
  } catch {
    return { credHelpers: {} };
  }
}

/** Hosts of the registries or mirrors that docker pulls from. */
function registriesOf({ imageMirrors, artifactSource }: LabConfig): string[] {
  if (artifactSource && !isWeb(artifactSource)) return [];
  const mirrors = mirrorsOf(imageMirrors);
  return Object.keys(registries).map((registry) => {
    const mirror = mirrors.get(registry);
    return mirror ? new URL(mirror).host : registry;
  });
}

/** Checks of Docker itself. The Pulumi program runs them too. */
export const dockerChecks: readonly Check[] = [dockerAnswers, dockerKind, sameMachine, cgroup, imageStore, credentials];

/** Problems of the failed checks of Docker, without the ids in AMBIENT_LAB_IGNORE, which `up --ignore` sets for the program. */
export async function dockerProblems(context: CheckContext): Promise<Problem[]> {
  const ignored = (context.env.AMBIENT_LAB_IGNORE ?? "").split(",");
  const looks = dockerChecks.filter(({ id }) => !ignored.includes(id)).map(({ look }) => look(context));
  return (await Promise.all(looks)).flatMap(({ status, ...problem }) =>
    status === "fail" && "fix" in problem ? [problem] : [],
  );
}
