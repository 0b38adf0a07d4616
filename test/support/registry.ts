import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { exec } from "../../host/exec";
import { rigHome } from "./skip";

const version = "v3.0.0";

/** Path of the registry program of CNCF Distribution, which is built once with Go and kept with the rig's caches. */
export async function registryProgram(): Promise<string> {
  const folder = join(rigHome, `registry-${version}`);
  const program = join(folder, "registry");
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const built = await exec("go", ["install", `github.com/distribution/distribution/v3/cmd/registry@${version}`], {
    env: { GOBIN: folder, GOFLAGS: "-mod=mod" },
    timeoutMs: 1_200_000,
  });
  if (built.code !== 0) throw new Error(`Cannot build the registry: ${built.stderr.slice(-2000)}`);
  return program;
}

/** A registry on 127.0.0.1, for which Docker uses plain HTTP. */
export interface Registry {
  /** `127.0.0.1:PORT` */
  host: string;
  /** Folder of its blobs. */
  storage: string;
  stop(): Promise<void>;
}

/** Starts a registry; with `upstream`, a pull-through cache. */
export async function startRegistry(folder: string, upstream?: Registry): Promise<Registry> {
  const port = await freePort();
  const storage = join(folder, "storage");
  mkdirSync(storage, { recursive: true });
  const config = {
    version: 0.1,
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    ...(upstream ? { proxy: { remoteurl: `http://${upstream.host}` } } : {}),
  };
  const file = join(folder, "config.json");
  writeFileSync(file, JSON.stringify(config));
  const child: ChildProcess = spawn(await registryProgram(), ["serve", file], {
    stdio: "ignore",
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const host = `127.0.0.1:${port}`;
  await answers(`http://${host}/v2/`);
  return {
    host,
    storage,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

async function answers(address: string): Promise<void> {
  await vi.waitFor(async () => expect((await fetch(address)).ok).toBe(true), { timeout: 30_000, interval: 100 });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
