import { existsSync, readFileSync } from "node:fs";
import { homedir, release } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Exec } from "../host/exec";
import type { AddressPool } from "../host/subnets";

const infoSchema = z.object({
  ServerVersion: z.string().min(1),
  OperatingSystem: z.string().default(""),
  KernelVersion: z.string().default(""),
  Name: z.string().default(""),
  NCPU: z.number().default(0),
  MemTotal: z.number().default(0),
  CgroupVersion: z.string().default(""),
  DockerRootDir: z.string().default(""),
  HttpProxy: z.string().default(""),
  HttpsProxy: z.string().default(""),
  SecurityOptions: z.array(z.string()).nullish(),
  DefaultAddressPools: z.array(z.object({ Base: z.string(), Size: z.number() })).nullish(),
  Containerd: z.object({ Address: z.string().default("") }).nullish(),
  DriverStatus: z.array(z.tuple([z.string(), z.string()])).nullish(),
});

/** Output of `docker info` when no server answers (docker/cli cli/command/system/info.go). */
const serverErrorsSchema = z.object({ ServerErrors: z.array(z.string()).min(1) });

/** Output of `docker info` when podman is installed as docker (containers/podman libpod/define/info.go). */
const podmanSchema = z
  .object({
    host: z.object({
      buildahVersion: z.string(),
      cgroupVersion: z.string().default(""),
      cpus: z.number().default(0),
      memTotal: z.number().default(0),
    }),
    version: z.object({ Version: z.string() }),
  })
  .transform(
    ({ host, version }): z.input<typeof infoSchema> => ({
      ServerVersion: version.Version,
      OperatingSystem: "podman",
      NCPU: host.cpus,
      MemTotal: host.memTotal,
      CgroupVersion: host.cgroupVersion.replace(/^v/, ""),
    }),
  );

/** Output of `docker version --format '{{json .}}'` (docker/cli cli/command/system/version.go). */
const versionSchema = z.object({
  Client: z.object({ Version: z.string().default(""), ApiVersion: z.string().default("") }),
});

/** Products that implement Docker's API. */
export type DockerKind =
  | "Docker Engine"
  | "Docker from snap"
  | "Docker Desktop"
  | "OrbStack"
  | "Colima"
  | "Rancher Desktop"
  | "podman";

/** The fields of `docker info` that the checks use. */
interface DockerInfo {
  serverVersion: string;
  /** Version of the docker client; empty when it is not known. */
  clientVersion: string;
  /** API version that client and server negotiated, such as "1.48"; empty when it is not known. */
  apiVersion: string;
  operatingSystem: string;
  kind: DockerKind;
  /** Whether the daemon runs without root privileges. */
  rootless: boolean;
  cpus: number;
  memoryBytes: number;
  cgroupVersion: string;
  rootDir: string;
  /** Folders that hold images and containers. */
  dataDirs: readonly string[];
  /** `default-address-pools` of the daemon; empty when they are not configured. */
  addressPools: readonly AddressPool[];
  /** Proxy of the daemon; empty without one. */
  proxy: string;
  /** Whether images live in containerd's store, the default of Docker 29. */
  containerdStore: boolean;
}

/** Facts about the Docker daemon that this machine uses. */
export interface DockerFacts {
  /** Absent when the daemon does not answer. */
  info?: DockerInfo;
  /** Whether the daemon runs on the kernel of this machine, so that /proc and disks are the same. */
  local: boolean;
  /** Address of the daemon: `unix:///var/run/docker.sock`. Empty when it is not known. */
  endpoint: string;
  clientProxy?: ClientProxy;
  /** Exit code of `docker info`; 127 when there is no docker. */
  code: number;
  /** Last line of its error output. */
  complaint: string;
}

const clientSchema = z.object({
  proxies: z.record(
    z.string(),
    z.object({ httpProxy: z.string().optional(), httpsProxy: z.string().optional(), noProxy: z.string().optional() }),
  ),
});

/** Proxy that the docker client passes to containers and builds. */
interface ClientProxy {
  file: string;
  address: string;
  noProxy: string;
}

/**
 * Reads the proxy from the docker client's configuration: that of the daemon's address, or the default (docker/cli v28.5.2
 * cli/config/configfile/file.go, ParseProxyConfig).
 */
function clientProxy(env: NodeJS.ProcessEnv, endpoint: string): ClientProxy | undefined {
  const file = join(env.DOCKER_CONFIG || join(homedir(), ".docker"), "config.json");
  if (!existsSync(file)) return undefined;
  const { proxies = {} } = clientSchema.safeParse(parseJson(readFileSync(file, "utf8"))).data ?? {};
  const { httpProxy, httpsProxy, noProxy = "" } = proxies[endpoint] ?? proxies.default ?? {};
  const address = httpsProxy || httpProxy;
  return address ? { file, address, noProxy } : undefined;
}

/** Reads facts from the Docker client and daemon. */
export async function readDocker(
  exec: Exec,
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): Promise<DockerFacts> {
  const ask = (...args: string[]) => exec("docker", args, { timeoutMs: 20_000 });
  const [{ code, stdout, stderr }, version, context] = await Promise.all([
    ask("info", "--format", "{{json .}}"),
    ask("version", "--format", "{{json .}}"),
    env.DOCKER_HOST ? undefined : ask("context", "inspect", "--format", "{{.Endpoints.docker.Host}}"),
  ]);
  const endpoint = env.DOCKER_HOST || context?.stdout.trim() || "";
  const document = parseJson(stdout);
  const podman = podmanSchema.safeParse(document).data;
  const parsed = infoSchema.safeParse(podman ?? document);
  const [serverError] = serverErrorsSchema.safeParse(document).data?.ServerErrors ?? [];
  const complaint = serverError ?? stderr.trim().split("\n").at(-1) ?? "";
  if (!parsed.success) return { code: code || 1, local: false, endpoint, complaint };
  const { data } = parsed;
  const client = versionSchema.safeParse(parseJson(version.stdout)).data?.Client;
  return {
    code,
    complaint,
    endpoint,
    clientProxy: clientProxy(env, endpoint),
    local: platform === "linux" && data.KernelVersion === release(),
    info: {
      serverVersion: data.ServerVersion,
      clientVersion: client?.Version ?? "",
      apiVersion: client?.ApiVersion ?? "",
      operatingSystem: data.OperatingSystem,
      kind: podman || version.stdout.includes('"Podman Engine"') ? "podman" : kindOf(data),
      rootless: (data.SecurityOptions ?? []).some((option) => option.includes("rootless")),
      cpus: data.NCPU,
      memoryBytes: data.MemTotal,
      cgroupVersion: data.CgroupVersion,
      rootDir: data.DockerRootDir,
      dataDirs: [data.DockerRootDir, ...(usesContainerdStore(data) ? containerdRoot(data) : [])],
      addressPools: (data.DefaultAddressPools ?? []).map(({ Base, Size }) => ({ base: Base, size: Size })),
      proxy: data.HttpsProxy || data.HttpProxy,
      containerdStore: usesContainerdStore(data),
    },
  };
}

const usesContainerdStore = ({ DriverStatus }: z.infer<typeof infoSchema>): boolean =>
  (DriverStatus ?? []).some(([, value]) => value.startsWith("io.containerd.snapshotter"));

/**
 * Folder of containerd's images: its default root, unless Docker runs its own containerd below DockerRootDir (moby v28.0.0
 * cmd/dockerd/daemon.go, initializeContainerd). Docker reports the address since API 1.46.
 */
function containerdRoot({ Containerd }: z.infer<typeof infoSchema>): string[] {
  const { Address = "" } = Containerd ?? {};
  return Address === "" || Address === "/run/containerd/containerd.sock" ? ["/var/lib/containerd"] : [];
}

/** Recognises a product by the name of its virtual machine or operating system. */
function kindOf({ OperatingSystem: system, Name: name, DockerRootDir }: z.output<typeof infoSchema>): DockerKind {
  if (/docker desktop/i.test(system)) return "Docker Desktop";
  if (/orbstack/i.test(system) || name === "orbstack") return "OrbStack";
  if (/^colima\b/.test(name)) return "Colima";
  if (/rancher desktop/i.test(system) || /rancher-desktop/.test(name)) return "Rancher Desktop";
  return DockerRootDir.startsWith("/var/snap/") ? "Docker from snap" : "Docker Engine";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
