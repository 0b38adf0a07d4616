import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "tar";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findTool, labBin } from "../../../cli/toolchain/find";
import { installTool } from "../../../cli/toolchain/install";
import { type Tool, tools } from "../../../cli/toolchain/tools";
import { fetcher } from "../../../download";
import { LabError } from "../../../errors";
import { exec } from "../../../exec";
import { ownLabHome } from "./world";

const system = { platform: "linux", arch: "x64" } as const;
const tool = (name: string): Tool => tools.find((each) => each.name === name) ?? expect.fail(`no ${name}`);
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/**
 * What Pulumi's release archive for Linux holds, by the recipe of v3.259.0: the `builds` of .goreleaser.yml without the one
 * for wasm, what scripts/prep-for-goreleaser.sh copies for linux, scripts/get-pulumi-watch.sh, and the languages of
 * scripts/get-language-providers.sh. All lie in one folder, "pulumi" (`wrap_in_directory`, `strip_parent`).
 */
const pulumiRelease = [
  ...["pulumi", "pulumi-language-go", "pulumi-language-nodejs", "pulumi-language-bun", "pulumi-language-python"],
  ...["pulumi-language-pcl", "pulumi-resource-pulumi-nodejs", "pulumi-resource-pulumi-python"],
  ...["pulumi-language-python-exec", "pulumi-watch"],
  ...["pulumi-language-dotnet", "pulumi-language-java", "pulumi-language-yaml"],
];

/** A mirror whose `cli/` holds what a test puts there. */
const files = new Map<string, Buffer>();
let server: Server;
let source = "";
beforeAll(async () => {
  server = createServer((request, response) => {
    const bytes = files.get((request.url ?? "").replace(/^\/cli\//, ""));
    if (!bytes) response.writeHead(404).end();
    else if (request.url?.includes("cut")) response.writeHead(200, { "content-length": bytes.length + 10 }).end(bytes);
    else response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  source = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
});

function offer(name: string, checksums: string, bytes: Buffer, digest = sha256(bytes)): void {
  files.clear();
  files.set(name, bytes);
  files.set(checksums, Buffer.from(`${"0".repeat(64)}  other\n${digest}  ${name}\n`));
}

const offerPulumi = (bytes: Buffer) => offer("pulumi-v3.259.0-linux-x64.tar.gz", "pulumi-3.259.0-checksums.txt", bytes);

async function failure(name: string, from = source): Promise<LabError> {
  const problem = await installTool(tool(name), { fetcher, system, source: from }).catch((thrown: unknown) => thrown);
  return problem instanceof LabError ? problem : expect.fail(`no LabError but ${String(problem)}`);
}

describe("installTool()", () => {
  test("brings a plain program, executable", async () => {
    ownLabHome();
    offer("kind-linux-amd64", "kind-linux-amd64.sha256sum", Buffer.from("#!/bin/sh\necho kind v0.32.0\n"));
    const path = await installTool(tool("kind"), { fetcher, system, source });
    expect(path).toBe(join(labBin(), "kind"));
    expect(statSync(path).mode & 0o777).toBe(0o755);
    expect(await findTool(tool("kind"), { PATH: "" }, exec)).toEqual({ path, version: "0.32.0", fits: true });
  });

  test("unpacks Pulumi's release archive, executable, and leaves nothing beside it", async () => {
    ownLabHome();
    offerPulumi(await archive(pulumiRelease));
    const path = await installTool(tool("pulumi"), { fetcher, system, source });
    expect(readdirSync(labBin()).sort()).toEqual([...pulumiRelease].sort());
    for (const name of pulumiRelease) expect(statSync(join(labBin(), name)).mode & 0o777, name).toBe(0o755);
    expect(readFileSync(path, "utf8")).toBe("program pulumi");
  });

  test("replaces the programs of an older release and keeps other tools", async () => {
    ownLabHome();
    mkdirSync(labBin(), { recursive: true });
    for (const name of ["pulumi", "kind"]) writeFileSync(join(labBin(), name), "old");
    offerPulumi(await archive(pulumiRelease));
    await installTool(tool("pulumi"), { fetcher, system, source });
    expect(readFileSync(join(labBin(), "pulumi"), "utf8")).toBe("program pulumi");
    expect(readFileSync(join(labBin(), "kind"), "utf8")).toBe("old");
  });

  test.each(["pulumi", "pulumi-language-nodejs"])(
    "refuses an archive without %s and installs nothing",
    async (missing) => {
      const home = ownLabHome();
      offerPulumi(await archive(pulumiRelease.filter((name) => name !== missing)));
      const problem = await failure("pulumi");
      expect(problem.exitCode).toBe(4);
      expect(problem.what).toMatch(
        new RegExp(`^Cannot unpack .*pulumi-v3.259.0-linux-x64.tar.gz: it holds no ${missing}$`),
      );
      expect(readdirSync(join(home, "bin"))).toEqual([]);
    },
  );

  test("refuses a file with another digest and installs nothing", async () => {
    const home = ownLabHome();
    offer("kind-linux-amd64", "kind-linux-amd64.sha256sum", Buffer.from("evil"), "f".repeat(64));
    const problem = await failure("kind");
    expect(problem.exitCode).toBe(4);
    expect(problem.what).toMatch(/has SHA-256 .*, not f{64}/);
    expect(readdirSync(home)).toEqual([]);
  });

  test("refuses a file that its list of digests does not name", async () => {
    ownLabHome();
    offer("kind-linux-amd64", "kind-linux-amd64.sha256sum", Buffer.from("kind"), "not-a-digest");
    expect((await failure("kind")).what).toBe("kind-linux-amd64.sha256sum has no SHA-256 of kind-linux-amd64");
  });

  test("says 404, and how to do without", async () => {
    ownLabHome();
    files.clear();
    const problem = await failure("kind");
    expect(problem.what).toContain("HTTP 404");
    expect(problem.why).toContain("no kind on the PATH is in >=0.32.0");
    expect(problem.fix).toContain("Put kind 0.32.0 on the PATH");
  });

  test("says that nothing answers", async () => {
    ownLabHome();
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect((await failure("kind", `http://127.0.0.1:${port}`)).what).toContain("ECONNREFUSED");
  });

  test("notices half an archive even when its digest was taken of the half", async () => {
    const home = ownLabHome();
    const whole = await archive(pulumiRelease);
    offerPulumi(whole.subarray(0, whole.length / 2));
    expect((await failure("pulumi")).exitCode).toBe(4);
    expect(readdirSync(join(home, "bin"))).toEqual([]);
  });

  test("reads a folder as well as a mirror", async () => {
    ownLabHome();
    const folder = mkdtempSync(join(tmpdir(), "lab-bundle-"));
    mkdirSync(join(folder, "cli"));
    writeFileSync(join(folder, "cli", "kind-linux-amd64"), "kind");
    writeFileSync(
      join(folder, "cli", "kind-linux-amd64.sha256sum"),
      `${sha256(Buffer.from("kind"))}  kind-linux-amd64\n`,
    );
    await installTool(tool("kind"), { fetcher, system, source: folder });
    expect(readFileSync(join(labBin(), "kind"), "utf8")).toBe("kind");
  });

  test("sends Windows to WSL", async () => {
    const problem = await installTool(tool("kind"), { fetcher, system: { platform: "win32", arch: "x64" } }).catch(
      String,
    );
    expect(problem).toContain("WSL 2");
  });
});

describe("findTool()", () => {
  const folder = (version: string) => {
    const path = mkdtempSync(join(tmpdir(), "lab-path-"));
    writeFileSync(join(path, "kind"), `#!/bin/sh\necho kind v${version} go1.26 linux/amd64\n`, { mode: 0o755 });
    return path;
  };
  test("passes over a program that is too old", async () => {
    ownLabHome();
    const [old, fit] = [folder("0.20.0"), folder("0.32.0")];
    expect(await findTool(tool("kind"), { PATH: `${old}:${fit}` }, exec)).toMatchObject({
      version: "0.32.0",
      fits: true,
    });
    expect(await findTool(tool("kind"), { PATH: old }, exec)).toMatchObject({ version: "0.20.0", fits: false });
  });
  // kind v0.31.0 pkg/cluster/nodeutils/util.go parseSnapshotter(): "unknown containerd config version: %d (supported
  // versions: 2 and 3)". The containerd of kindest/node v1.36.1 writes version 4, which kind reads since v0.32.0 (b22acfaf).
  test.each(["0.30.0", "0.31.0"])(
    "passes over kind %s, which cannot load images into the lab's nodes",
    async (version) => {
      ownLabHome();
      expect(await findTool(tool("kind"), { PATH: folder(version) }, exec)).toMatchObject({ version, fits: false });
    },
  );
  test("takes a build between two releases", async () => {
    ownLabHome();
    expect(await findTool(tool("kind"), { PATH: folder("0.33.0-alpha+abc") }, exec)).toMatchObject({ fits: true });
  });
});

async function archive(names: readonly string[]): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "lab-tar-"));
  mkdirSync(join(folder, "pulumi"));
  for (const name of names) writeFileSync(join(folder, "pulumi", name), `program ${name}`);
  await create({ cwd: folder, file: join(folder, "a.tar.gz"), gzip: true }, ["pulumi"]);
  return readFileSync(join(folder, "a.tar.gz"));
}
