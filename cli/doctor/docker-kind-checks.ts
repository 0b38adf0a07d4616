import { homedir } from "node:os";
import { labHome } from "../../host/paths";
import type { DockerKind } from "./docker-facts";
import { type Check, ok } from "./types";

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
        why: "kind's nodes, networks and image archives are not the same there, and nobody tries the lab on it",
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
