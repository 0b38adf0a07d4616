import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fetcher } from "../../../artifacts/download";
import { ensureTools, installTool } from "../../../cli/toolchain/install";
import { findTool, type Tool, tools } from "../../../cli/toolchain/tools";
import { LabError } from "../../../host/errors";
import { exec } from "../../../host/exec";
import { labBin } from "../../../host/paths";
import { packedRelease, pulumiRelease } from "../../support/pulumi-release";
import { ownLabHome } from "./world";

const system = { platform: "linux", arch: "x64" } as const;

const tool = (name: string): Tool => tools.find((each) => each.name === name) ?? expect.fail(`no ${name}`);
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

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

/** Pulumi's release, by the names of its recipe: .goreleaser.yml, `name_template` of `archives` and of `checksum`. */
function offerPulumi(bytes: Buffer): void {
  offer("pulumi-v3.259.0-linux-x64.tar.gz", "pulumi-3.259.0-checksums.txt", bytes);
}

async function failure(name: string, from = source): Promise<LabError> {
  const problem = await installTool(tool(name), { fetcher, system, source: from }).catch((thrown: unknown) => thrown);
  return problem instanceof LabError ? problem : expect.fail(`no LabError but ${String(problem)}`);
}

describe("installTool()", () => {
  test("brings a plain program, executable", async () => {
    ownLabHome();
    offer("kind-linux-amd64", "kind-linux-amd64.sha256sum", Buffer.from("#!/bin/sh\necho kind v0.33.0\n"));
    const path = await installTool(tool("kind"), { fetcher, system, source });
    expect(path).toBe(join(labBin(), "kind"));
    expect(statSync(path).mode & 0o777).toBe(0o755);
    expect(await findTool(tool("kind"), { PATH: "" }, exec)).toEqual({ path, version: "0.33.0", fits: true });
  });

  test("unpacks every program of Pulumi's release beside what is there already", async () => {
    ownLabHome();
    mkdirSync(labBin());
    for (const name of ["kind", "pulumi"]) writeFileSync(join(labBin(), name), `old ${name}`);
    offerPulumi(await archive(pulumiRelease));
    await installTool(tool("pulumi"), { fetcher, system, source });
    expect(readdirSync(labBin()).sort()).toEqual([...pulumiRelease, "kind"].sort());
    expect(readFileSync(join(labBin(), "kind"), "utf8")).toBe("old kind");
    for (const name of ["pulumi", "pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"]) {
      expect(readFileSync(join(labBin(), name), "utf8")).toBe(`program ${name}`);
      expect(statSync(join(labBin(), name)).mode & 0o777, name).toBe(0o755);
    }
  });

  test.each(["pulumi", "pulumi-language-nodejs"])(
    "refuses a release without %s and installs nothing",
    async (lacking) => {
      ownLabHome();
      offerPulumi(await archive(pulumiRelease.filter((name) => name !== lacking)));
      const problem = await failure("pulumi");
      expect(problem.exitCode).toBe(4);
      expect(problem.what).toBe(
        `Cannot unpack ${source}/cli/pulumi-v3.259.0-linux-x64.tar.gz: it has no pulumi/${lacking}`,
      );
      expect(readdirSync(labBin())).toEqual([]);
    },
  );

  // The release for Windows has its programs in pulumi/bin/ (`wrap_in_directory` of .goreleaser.yml).
  test("refuses a release whose programs are in another folder", async () => {
    ownLabHome();
    offerPulumi(await archive(pulumiRelease, "pulumi/bin"));
    expect((await failure("pulumi")).what).toContain("it has no pulumi/pulumi");
    expect(readdirSync(labBin())).toEqual([]);
  });

  test("puts the program in place last: after a failure there is none", async () => {
    ownLabHome();
    // A folder with something in it cannot be replaced by a file.
    mkdirSync(join(labBin(), "pulumi-watch", "mine"), { recursive: true });
    offerPulumi(await archive(pulumiRelease));
    expect((await failure("pulumi")).what).toContain("pulumi-watch");
    expect(readdirSync(labBin())).not.toContain("pulumi");
    expect(readdirSync(labBin()).filter((name) => name.startsWith("."))).toEqual([]);
  });

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
    expect(problem.fix).toContain("put kind 0.33.0 on the PATH");
  });

  test("takes no program from another machine by plain HTTP, where digests come by the same way", async () => {
    ownLabHome();
    const problem = await failure("kind", "http://mirror.test");
    expect(problem.what).toBe('"http://mirror.test" is no source for programs');
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

describe("a release from upstream", () => {
  test.each(tools.map((each) => [each.name, each] as const))(
    "of %s is checked by its pinned digest",
    async (_, each) => {
      ownLabHome();
      const { url, sha256: pinned } = each.release(system);
      const asked: string[] = [];
      // A list of digests that names what came would be from where the file is from.
      const changed = async (address: string) => {
        asked.push(address);
        return Buffer.from(/sum|checksums/.test(address) ? `${sha256(Buffer.from("evil"))}  ${address}` : "evil");
      };
      const problem = await installTool(each, { fetcher: changed, system }).catch((thrown: unknown) => thrown);
      expect(problem).toMatchObject({ what: `${url} has SHA-256 ${sha256(Buffer.from("evil"))}, not ${pinned}` });
      expect(asked).toEqual([url]);
    },
  );
});

describe("the files of a release", () => {
  // kubernetes-sigs/kind at v0.33.0, hack/release/build/cross.sh: kind-GOOS-GOARCH, and beside it `shasum -a 256 "$f"` as
  // "$f".sha256sum, a line of the digest, two blanks and the name. pulumi/pulumi at v3.259.0, .goreleaser.yml.
  test.each([
    ["linux", "x64", "kind-linux-amd64", "pulumi-v3.259.0-linux-x64.tar.gz"],
    ["linux", "arm64", "kind-linux-arm64", "pulumi-v3.259.0-linux-arm64.tar.gz"],
    ["darwin", "x64", "kind-darwin-amd64", "pulumi-v3.259.0-darwin-x64.tar.gz"],
    ["darwin", "arm64", "kind-darwin-arm64", "pulumi-v3.259.0-darwin-arm64.tar.gz"],
  ] as const)("on %s %s have the names that upstream gives them", (platform, arch, kind, pulumi) => {
    expect(tool("kind").release({ platform, arch })).toMatchObject({
      url: `https://github.com/kubernetes-sigs/kind/releases/download/v0.33.0/${kind}`,
      checksums: `https://github.com/kubernetes-sigs/kind/releases/download/v0.33.0/${kind}.sha256sum`,
      ...{ file: kind, checksumsFile: `${kind}.sha256sum`, packed: false },
    });
    expect(tool("pulumi").release({ platform, arch })).toMatchObject({
      url: `https://get.pulumi.com/releases/sdk/${pulumi}`,
      checksums: "https://github.com/pulumi/pulumi/releases/download/v3.259.0/pulumi-3.259.0-checksums.txt",
      ...{ file: pulumi, checksumsFile: "pulumi-3.259.0-checksums.txt", packed: true },
    });
  });
});

/** A folder for the PATH with kind of a version, and with Pulumi where it is asked for. */
function folder(version: string, { pulumi }: { pulumi?: string } = {}): string {
  const path = mkdtempSync(join(tmpdir(), "lab-path-"));
  writeFileSync(join(path, "kind"), `#!/bin/sh\necho kind v${version} go1.26 linux/amd64\n`, { mode: 0o755 });
  if (pulumi) writeFileSync(join(path, "pulumi"), `#!/bin/sh\necho v${pulumi}\n`, { mode: 0o755 });
  return path;
}

describe("findTool()", () => {
  // kindest/node:v1.36.1 has containerd 2.3, whose configuration is of version 4. `kind load` of kubernetes-sigs/kind knows
  // versions 2 and 3 up to v0.31.0 (pkg/cluster/nodeutils/util.go, parseSnapshotter) and 4 since v0.32.0, commit b22acfaf.
  test.each(["0.20.0", "0.30.0", "0.31.0", "0.32.0-alpha"])("passes over kind %s", async (version) => {
    ownLabHome();
    const [old, fit] = [folder(version), folder("0.33.0")];
    expect(await findTool(tool("kind"), { PATH: `${old}:${fit}` }, exec)).toMatchObject({
      version: "0.33.0",
      fits: true,
    });
    expect(await findTool(tool("kind"), { PATH: old }, exec)).toMatchObject({ version, fits: false });
  });
  test("takes a build between two releases", async () => {
    ownLabHome();
    expect(await findTool(tool("kind"), { PATH: folder("0.33.0-alpha+abc") }, exec)).toMatchObject({ fits: true });
  });
});

describe("ensureTools()", () => {
  const toolchain = (PATH: string) =>
    ensureTools(
      { env: { PATH }, exec, fetcher },
      { needed: ["pulumi", "kind"], install: false, say: (line) => expect.fail(line) },
    );

  test("leaves the PATH as it is where it leads to the tools that fit", async () => {
    ownLabHome();
    const fit = folder("0.33.0", { pulumi: "3.259.0" });
    expect(await toolchain(fit)).toEqual({ pulumi: join(fit, "pulumi"), binFolders: [] });
  });

  // The scripts look kind up by the PATH, and the engine looks up its language host there before it takes the one beside
  // itself (pulumi/pulumi at v3.259.0, sdk/go/common/workspace/plugins.go).
  test("puts the folder of a tool before the PATH where an older one comes first", async () => {
    ownLabHome();
    const [old, fit] = [folder("0.31.0", { pulumi: "3.100.0" }), folder("0.33.0", { pulumi: "3.259.0" })];
    expect(await toolchain(`${old}:${fit}`)).toEqual({ pulumi: join(fit, "pulumi"), binFolders: [fit] });
  });
});

/** A packed release of programs of which each holds its name. */
function archive(names: readonly string[], folder?: string): Promise<Buffer> {
  return packedRelease(Object.fromEntries(names.map((name) => [name, `program ${name}`])), folder);
}
