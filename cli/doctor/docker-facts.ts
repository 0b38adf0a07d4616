import { release } from "node:os";
import { z } from "zod";
import type { Exec } from "../../exec";

const infoSchema = z.object({
  ServerVersion: z.string().min(1),
  OperatingSystem: z.string().default(""),
  KernelVersion: z.string().default(""),
  NCPU: z.number().default(0),
  MemTotal: z.number().default(0),
  CgroupVersion: z.string().default(""),
  DockerRootDir: z.string().default(""),
  DriverStatus: z.array(z.tuple([z.string(), z.string()])).nullish(),
});

/** What `docker info` tells of the daemon. */
export interface DockerInfo {
  serverVersion: string;
  operatingSystem: string;
  cpus: number;
  memoryBytes: number;
  cgroupVersion: string;
  rootDir: string;
  /** Whether images live in containerd's store, the default of Docker 29. */
  containerdStore: boolean;
}

/** Docker as this machine reaches it. */
export interface DockerFacts {
  info?: DockerInfo;
  /** Whether the daemon runs on this very kernel, so that this machine's /proc and disks are its own. */
  local: boolean;
  /** Exit code of `docker info`; 127 when there is no docker. */
  code: number;
  /** Last line of what it complained about. */
  complaint: string;
}

/** Asks the Docker daemon about itself. */
export async function readDocker(exec: Exec): Promise<DockerFacts> {
  const { code, stdout, stderr } = await exec("docker", ["info", "--format", "{{json .}}"], { timeoutMs: 20_000 });
  const parsed = infoSchema.safeParse(parseJson(stdout));
  const complaint = stderr.trim().split("\n").at(-1) ?? "";
  if (!parsed.success) return { code: code || 1, local: false, complaint };
  const { data } = parsed;
  return {
    code,
    complaint,
    local: process.platform === "linux" && data.KernelVersion === release(),
    info: {
      serverVersion: data.ServerVersion,
      operatingSystem: data.OperatingSystem,
      cpus: data.NCPU,
      memoryBytes: data.MemTotal,
      cgroupVersion: data.CgroupVersion,
      rootDir: data.DockerRootDir,
      containerdStore: (data.DriverStatus ?? []).some(([, value]) => value.startsWith("io.containerd.snapshotter")),
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
