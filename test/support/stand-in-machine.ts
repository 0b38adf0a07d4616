import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstOnPath } from "../../host/exec";

/** A machine with stand-ins for docker, kind and pulumi, which answer like given versions of the real programs. */
export interface MachineSpec {
  /** The docker program; undefined when it is not installed. */
  docker?: DockerStandIn;
  /** Version of kind on the PATH. @default none */
  kind?: string;
  /** Variables of the user's shell. */
  env?: Record<string, string>;
  /** Content of `~/.docker/config.json`. */
  dockerConfig?: Record<string, unknown>;
}

/** A docker program and the server that it reaches. */
export interface DockerStandIn {
  client: string;
  server: string;
  /** API version that client and server negotiate. */
  api: string;
  /** Fields of `docker info` that differ from those of a supported Docker Engine. */
  info?: Record<string, unknown>;
  /** Whether Docker uses the containerd image store. */
  containerd?: boolean;
  /** Image that the store cannot export, because a layer that it shared with another image was deleted. */
  lacking?: string;
  /** First of `Server.Components`. @default Engine */
  component?: string;
  endpoint?: string;
  /** Error message of commands that need the server, if the server cannot be reached. */
  unreachable?: string;
  /** Output of podman, installed as `docker`. */
  podman?: Record<string, unknown>;
  /** Whether docker is from snap, with a private /tmp. */
  snap?: boolean;
}

/** Programs of the system that the lab's scripts run. */
const system = [
  ...["sh", "cat", "cksum", "cut", "dirname", "env", "grep", "head", "mkdir", "mktemp", "mv", "node", "paste"],
  ...["printenv", "ps", "rm", "rmdir", "sed", "sha256sum", "sleep", "sort", "tail", "tr", "uname", "wc"],
];

/** A machine with its programs in its own folder. */
export interface StandInMachine {
  /** The complete environment for processes on the machine. */
  env: Record<string, string>;
  /** Images that were loaded into the nodes by `kind load`, each as "image platform". */
  loaded(): string[];
  /** Images that the nodes pulled. */
  pulled(): string[];
}

/** Creates a machine. */
export function standInMachine({ docker, kind, env = {}, dockerConfig }: MachineSpec): StandInMachine {
  const folder = mkdtempSync(join(tmpdir(), "lab-bench-"));
  const [bin, home] = [join(folder, "bin"), join(folder, "home")];
  mkdirSync(bin);
  mkdirSync(join(home, ".docker"), { recursive: true });
  for (const name of system) {
    const path = firstOnPath(name, process.env);
    if (path) symlinkSync(path, join(bin, name));
  }
  const program = (name: string, text: string) => writeFileSync(join(bin, name), `#!/bin/sh\n${text}`, { mode: 0o755 });
  if (dockerConfig) writeFileSync(join(home, ".docker", "config.json"), JSON.stringify(dockerConfig));
  if (docker) {
    writeFileSync(join(folder, "info"), JSON.stringify(docker.podman ?? infoOf(docker)));
    writeFileSync(join(folder, "version"), JSON.stringify(versionOf(docker)));
    program("docker", dockerText(docker, folder));
  }
  if (kind) program("kind", kindText(kind, folder));
  program("pulumi", "echo v3.259.0\n");
  for (const file of ["images", "loaded", "pulled"]) writeFileSync(join(folder, file), "");
  const lines = (file: string) => readFileSync(join(folder, file), "utf8").split("\n").filter(Boolean);
  return {
    env: { PATH: bin, HOME: home, ...env },
    loaded: () => lines("loaded"),
    pulled: () => lines("pulled"),
  };
}

/** `docker info --format '{{json .}}'`: fields that all versions from 20.10 to 29 have (moby api/types/system/info.go). */
function infoOf({ client, server, containerd, info, unreachable }: DockerStandIn): Record<string, unknown> {
  const clientInfo = { ClientInfo: { Debug: false, Context: "default", Version: client, Plugins: [], Warnings: null } };
  // Since Docker 28 the fields of a server that cannot be reached are empty, and the error is only on stderr; a server that refuses the
  // client is in ServerErrors (docker/cli v28.5.2 and v29.8.1 cli/command/system/info.go addServerInfo()).
  if (unreachable && major(client) >= 28 && !/API version/.test(unreachable))
    return {
      ID: "",
      DriverStatus: null,
      NCPU: 0,
      ServerVersion: "",
      SecurityOptions: null,
      Warnings: null,
      ...clientInfo,
    };
  if (unreachable) return { ServerErrors: [unreachable], ...clientInfo };
  return {
    ID: "6a1c",
    Driver: containerd ? "overlayfs" : "overlay2",
    DriverStatus: containerd
      ? [["driver-type", "io.containerd.snapshotter.v1"]]
      : [
          ["Backing Filesystem", "extfs"],
          ["Supports d_type", "true"],
        ],
    CgroupDriver: "systemd",
    CgroupVersion: "2",
    KernelVersion: "6.1.0-40-amd64",
    OperatingSystem: "Debian GNU/Linux 12 (bookworm)",
    OSType: "linux",
    Architecture: "x86_64",
    NCPU: 8,
    MemTotal: 16 * 1024 ** 3,
    DockerRootDir: "/var/lib/docker",
    HttpProxy: "",
    HttpsProxy: "",
    NoProxy: "",
    Name: "laptop",
    ServerVersion: server,
    SecurityOptions: ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
    ...clientInfo,
    ...info,
  };
}

/** `docker version --format '{{json .}}'` (docker/cli cli/command/system/version.go). */
function versionOf({ client, server, api, component = "Engine", unreachable }: DockerStandIn): Record<string, unknown> {
  const Client = { Version: client, ApiVersion: api, DefaultAPIVersion: api, Os: "linux", Arch: "amd64" };
  if (unreachable) return { Client, Server: null };
  const Components = [{ Name: component, Version: server, Details: { ApiVersion: api, Arch: "amd64", Os: "linux" } }];
  return { Client, Server: { Version: server, ApiVersion: api, Os: "linux", Arch: "amd64", Components } };
}

const major = (version: string) => Number(version.split(".")[0]);

function dockerText(docker: DockerStandIn, folder: string): string {
  const { client, server, containerd, lacking, unreachable, snap, podman, endpoint } = docker;
  // docker/cli v27.5.1 and v28.5.2: cli/cobra.go FlagErrorFunc().
  const unknown =
    major(client) < 28
      ? "unknown flag: --platform\\nSee 'docker save --help'."
      : "unknown flag: --platform\\n\\nUsage:  docker save [OPTIONS] IMAGE [IMAGE...]\\n\\nRun 'docker save --help' for more information";
  // docker/cli v20.10.24 cli/command/system/info.go succeeds without a server; so does v24.0.9, with the reason on stderr;
  // v28.5.2 and v29.8.1 fail, unless the server answers that it refuses the client.
  const refused = /API version/.test(unreachable ?? "");
  const infoWithout =
    major(client) < 24
      ? "cat info"
      : `cat info; echo "${unreachable}" >&2; exit ${major(client) < 28 || refused ? 0 : 1}`;
  const noSave =
    major(client) < 28
      ? `printf '${unknown}\\n' >&2; exit 125`
      : major(server) < 28
        ? 'echo "\\"platform\\" requires API version 1.48, but the Docker daemon API version is 1.47" >&2; exit 1'
        : "shift";
  // docker/cli v29.8.1 cli/command/registry.go RetrieveAuthTokenFromImage(); docker-credential-helpers client/client.go.
  const credentials = `
store=$(sed -n 's/.*"credsStore":"\\([^"]*\\)".*/\\1/p' "$HOME/.docker/config.json" 2>/dev/null)
if [ -n "$store" ] && ! command -v "docker-credential-$store" >/dev/null; then
  printf 'error getting credentials - err: exec: "docker-credential-%s": executable file not found in $PATH, out: \`\`\\n' "$store" >&2
  exit 1
fi`;
  return `cd "${folder}"
${unreachable ? `case "$1 $2" in info*) ${infoWithout} ;; version*) cat version; echo "${unreachable}" >&2; exit 1 ;; context*) echo "${endpoint ?? "unix:///var/run/docker.sock"}" ;; *) echo "${unreachable}" >&2; exit 1 ;; esac; exit` : ""}
case "$1" in
  info) case "$3" in *DriverStatus*) echo '${containerd ? "[[driver-type io.containerd.snapshotter.v1]]" : "[[Backing Filesystem extfs]]"}' ;; *) cat info ;; esac ;;
  version) case "$3" in *Server.Os*) echo linux/amd64 ;; *) cat version ;; esac ;;
  context) ${podman ? "echo 'Error: unrecognized command \\`podman context\\`' >&2; exit 125" : `echo "${endpoint ?? "unix:///var/run/docker.sock"}"`} ;;
  ps | network) ;;
  exec) [ "$3" = crictl ] || { echo "Error response from daemon: No such container: $2" >&2; exit 1; }; echo "$5" >>pulled ;;
  image)
    for image; do :; done
    found=$(grep -F "$image " images | tail -n 1)
    [ -n "$found" ] || { echo "Error response from daemon: No such image: $image" >&2; exit 1; }
    echo "\${found#* }" ;;
  pull)${credentials}
    platform=\${DOCKER_DEFAULT_PLATFORM:-linux/amd64}
    for image; do case "$image" in --platform=*) platform=\${image#*=} ;; esac; done
    echo "$image $platform" >>images ;;
  save)
    shift
    case "$1" in --platform=*) ${noSave} ;; esac
    ${snap ? 'case "$1" in -o | --output*) echo "open $2: no such file or directory" >&2; exit 1 ;; esac' : ""}
    case " $* " in *" ${lacking ?? "none"} "*)
      # moby v2.0.0-beta.24 (29.8.1) daemon/containerd: image_exporter.go ExportImage(), image.go errPlatformNotFound.
      echo "Error response from daemon: no suitable export target found: image with reference ${lacking?.replace("docker.io/", "")} was found but does not provide the specified platform (linux/amd64)" >&2
      exit 1 ;;
    esac
    for image; do grep -F "$image " images | tail -n 1; done ;;
  *) echo "docker: '$1' is not a docker command." >&2; exit 1 ;;
esac
`;
}

/** kind v0.30.0 and v0.32.0: cmd/kind/version, pkg/internal/runtime/runtime.go, pkg/cluster/nodeutils/util.go. */
function kindText(version: string, folder: string): string {
  return `cd "${folder}"
nodes='printf "ambient-lab-alice-control-plane\\nambient-lab-alice-worker\\n"'
case "$KIND_EXPERIMENTAL_PROVIDER" in podman) echo "using podman due to KIND_EXPERIMENTAL_PROVIDER" >&2; nodes=: ;; esac
case "$1 $2" in
  "version ") echo "kind v${version} go1.24.6 linux/amd64" ;;
  "get nodes") eval "$nodes" ;;
  "load image-archive")
    ${version < "0.32.0" ? 'echo "ERROR: unknown containerd config version: 4 (supported versions: 2 and 3)" >&2; exit 1' : 'cat "$3" >>loaded'} ;;
  *) echo "ERROR: unknown command \\"$1\\" for \\"kind\\"" >&2; exit 1 ;;
esac
`;
}
