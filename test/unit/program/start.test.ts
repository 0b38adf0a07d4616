import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { exec } from "../../../host/exec";

const root = join(__dirname, "..", "..", "..");

/**
 * Runs JavaScript in a process with the arguments that the language host gives to Node.js: `runtime.options.nodeargs`,
 * split as a shell does (Pulumi v3.259.0, sdk/nodejs/cmd/pulumi-language-nodejs/main.go, prepareRuntimeEnv and run).
 */
async function withNodeArgs(line: string, env: Record<string, string> = {}): Promise<string> {
  const { runtime } = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8"));
  const nodeargs: string[] = runtime.options.nodeargs.split(" ");
  const { code, stdout, stderr } = await exec(process.execPath, [...nodeargs, "-e", line], {
    ...{ cwd: root, env, timeoutMs: 120_000 },
  });
  expect(code, stderr).toBe(0);
  return stdout;
}

/** Number of the SDK's files that a process has loaded. */
const sdk = "Object.keys(require.cache).filter((each) => /@pulumi.pulumi/.test(each)).length";

let program: { type: string; loaded: number; stack: string; refused: string };
beforeAll(async () => {
  // The SDK requires the folder's `main` (@pulumi/pulumi, cmd/run/run.js).
  const { main } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const said = await withNodeArgs(`
    const program = require("./${main}");
    const loaded = ${sdk};
    let stack;
    try { require("./program/lab.ts").declareLab({}) } catch (error) { stack = error.stack }
    require("@pulumi/pulumi").runtime.setMocks({ newResource: () => ({ state: {} }), call: () => ({}) }, "ambient-lab", "Alice_1");
    program().catch(({ constructor, message }) =>
      console.log(JSON.stringify({ type: typeof program, loaded, stack, refused: constructor.name + " " + message })));`);
  program = JSON.parse(said);
}, 60_000);

test("the engine's Node.js loads the program that package.json names", async () => {
  expect(program.type).toBe("function");
});

// The SDK loads TypeScript and npm's own packages, which took more than half of the time of "doctor".
test("the command line starts without the SDK", async () => {
  expect(await withNodeArgs(`require("./cli/run.ts"); console.log(${sdk})`)).toBe("0");
  expect(program.loaded).toBeGreaterThan(10);
});

test("the program refuses a stack whose name cannot be part of the cluster's", async () => {
  expect(program.refused).toMatch(/^RunError[\s\S]*What {2}Stack name "Alice_1" is refused/);
});

test("a stack of the program names lines of TypeScript", async () => {
  const line = Number(/lab\.ts:(\d+):\d+\)/.exec(program.stack)?.[1]);
  expect(readFileSync(join(root, "program", "lab.ts"), "utf8").split("\n")[line - 1]).toContain("config");
});

test("the program ends as soon as the machine is refused, whatever is still being downloaded", async () => {
  // A source that takes requests and never answers.
  const asked: Socket[] = [];
  const server = createServer((socket) => void asked.push(socket));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const home = mkdtempSync(join(tmpdir(), "lab-start-"));
  const docker = join(home, "docker");
  // Docker answers once a download is under way.
  writeFileSync(docker, "#!/bin/sh\nsleep 2\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n", {
    mode: 0o755,
  });
  try {
    const { port } = server.address() as AddressInfo;
    const began = Date.now();
    const said = await withNodeArgs(
      `
      const program = require("./index.ts");
      const { runtime } = require("@pulumi/pulumi");
      runtime.setMocks({ newResource: () => ({ state: {} }), call: () => ({}) }, "ambient-lab", "alice");
      runtime.setAllConfig({ "ambient-lab:artifactSource": "http://127.0.0.1:${port}" });
      program().catch(({ message }) => console.log(message));`,
      { AMBIENT_LAB_HOME: home, PATH: `${home}:${process.env.PATH}`, no_proxy: "127.0.0.1" },
    );
    expect(said).toContain("Docker does not answer");
    expect(asked.length).toBeGreaterThan(0);
    expect(Date.now() - began).toBeLessThan(100_000);
  } finally {
    for (const socket of asked) socket.destroy();
    server.close();
  }
}, 150_000);
