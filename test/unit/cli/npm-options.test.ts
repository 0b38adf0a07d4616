import { mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { commandLine, run } from "../../../cli/run";
import { npmKeys, refuseSwallowedOptions } from "../../../cli/terminal/npm-options";
import { exec } from "../../../host/exec";
import { fakeExec, fakeIo } from "./world";

const root = resolve(__dirname, "../../..");

const home = mkdtempSync(join(tmpdir(), "lab-npm-"));

/** Runs npm itself in this checkout: no settings of the user, no lab, and neither Docker nor a download. */
async function npm(args: readonly string[], more: Record<string, string> = {}) {
  const inherited = Object.keys(process.env).filter((name) => /^(npm|ambient_lab|pulumi)_/i.test(name));
  const env = {
    ...Object.fromEntries(inherited.map((name) => [name, undefined])),
    HOME: home,
    AMBIENT_LAB_HOME: join(home, "lab"),
    PULUMI_BACKEND_URL: `file://${home}`,
    DOCKER_HOST: "unix:///nonexistent.sock",
    HTTPS_PROXY: "http://127.0.0.1:9",
    npm_config_update_notifier: "false",
    ...more,
  };
  return exec("npm", args, { cwd: root, env, timeoutMs: 120_000 });
}

/**
 * Runs the command line with what npm hands to a script: a shell in place of npm's own (setting `script-shell`) prints the
 * environment and the command, so that Node.js is not started once more for each command.
 */
async function underNpm(args: readonly string[]) {
  const shell = join(home, "print");
  writeFileSync(
    shell,
    '#!/bin/sh\nenv | grep "^npm_"\neval "set -- $2"\nshift 2\nfor each; do echo "argument $each"; done\n',
    { mode: 0o755 },
  );
  const { stdout } = await npm(args, { npm_config_script_shell: shell });
  const lines = stdout.split("\n");
  const env = Object.fromEntries(
    lines
      .filter((line) => /^npm_\w+=/.test(line))
      .map((line) => [line.split("=")[0], line.slice(line.indexOf("=") + 1)]),
  );
  const words = lines.flatMap((line) => /^argument (.*)$/.exec(line)?.[1] ?? []);
  const io = fakeIo({ env });
  return { code: await run(words, io), stderr: io.err() };
}

/** The command of the Fix. */
const fixOf = (stderr: string) => /^ {4}Fix {3}(.*)$/m.exec(stderr)?.[1];

describe("an option that npm takes for itself", { timeout: 180_000 }, () => {
  // What npm hands to a script: @npmcli/config 10.12.0 (npm 11.19.1), lib/set-envs.js; here the installed npm says it.
  test.each([
    ["run destroy --stack=alice", "npm run destroy -- --stack alice"],
    ["run destroy --stack alice", "npm run destroy -- --stack alice"],
    ["run destroy -s alice -- --yes", "npm run destroy -- --yes --stack alice"],
    ["run up --no-verify --stack=alice", "npm run up -- --stack alice --no-verify"],
    ["run up -c istioVersion=1.31.2", "npm run up -- --config istioVersion=1.31.2"],
    ["run preview --config workers=1 faultPercent=30", "npm run preview -- --config workers=1 faultPercent=30"],
    ["run lab status --stack alice", "npm run lab -- status --stack alice"],
    ["run lab --stack alice list", "npm run lab -- list --stack alice"],
  ])("npm %s", async (typed, fix) => {
    const { code, stderr } = await underNpm(typed.split(" "));
    expect(fixOf(stderr)).toBe(fix);
    expect([code, stderr]).toEqual([2, expect.stringContaining("npm did not pass")]);
  });

  test("npm run status --stack alice, by the lab itself", async () => {
    const { code, stderr } = await npm(["run", "lab", "status", "--stack", "alice"]);
    expect([code, fixOf(stderr)]).toEqual([2, "npm run lab -- status --stack alice"]);
  });

  test("JSON is alone on stdout with --silent, and the way there is shown without it", async () => {
    const clean = await npm(["run", "--silent", "lab", "--", "config", "list", "--json"]);
    expect(JSON.parse(clean.stdout)).toContainEqual(expect.objectContaining({ key: "faultPercent" }));
    expect(clean.stderr).toBe("");
    const { stdout, stderr } = await npm(["run", "lab", "--", "config", "list", "--json"]);
    expect(() => JSON.parse(stdout)).toThrow();
    expect(stderr).toContain("JSON alone: npm run --silent lab -- config list --json");
  });

  test("what follows -- is passed, and the lab runs with it", async () => {
    const { code, stdout, stderr } = await npm(["run", "lab", "--", "plan", "--stack", "alice"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("alice");
  });
});

describe("npm's own settings", () => {
  let definitions: Record<string, unknown>;
  let shorthands: Record<string, unknown>;
  beforeAll(async () => {
    const { stdout } = await exec("npm", ["root", "-g"]);
    // The settings of the installed npm: @npmcli/config, lib/definitions/definitions.js.
    const load = createRequire(realpathSync(join(stdout, "npm/package.json")));
    ({ definitions, shorthands } = load("@npmcli/config/lib/definitions"));
  });

  test("are the options of the lab that npm knows as well, and no others", async () => {
    const program = await commandLine({ io: fakeIo(), note: () => undefined, end: () => undefined });
    const names = program.commands.flatMap(({ options }) => options.map(({ long }) => long?.replace(/^--(no-)?/, "")));
    const known = names.filter(
      (name): name is string => name !== undefined && (name in definitions || name in shorthands),
    );
    expect([...npmKeys].sort()).toEqual([...new Set(known)].sort());
  });

  test.each([
    ["up", "yes", "true"],
    ["up", "json", "true"],
    ["up", "loglevel", "silent"],
    ["up", "call", "npm run up"],
    ["open", "browser", ""],
  ])("%s takes %s=%s of a user's .npmrc or of npx", async (command, key, value) => {
    const program = await commandLine({ io: fakeIo(), note: () => undefined, end: () => undefined });
    const env = { npm_lifecycle_event: command, [`npm_config_${key}`]: value };
    expect(() => refuseSwallowedOptions(program, [command], env)).not.toThrow();
  });
});

describe("npm run --silent", () => {
  test.each([[["traffic", "--for", "1m"]], [["up", "--config", "faultPercent=30", "modules=[grpc]"]]])(
    "passes the values of options: %j",
    async (args) => {
      const program = await commandLine({ io: fakeIo(), note: () => undefined, end: () => undefined });
      const env = { npm_lifecycle_event: "lab", npm_config_loglevel: "silent" };
      expect(() => refuseSwallowedOptions(program, args, env)).not.toThrow();
      expect(() => refuseSwallowedOptions(program, [...args.slice(0, 1), "alice", ...args.slice(1)], env)).toThrow(
        "npm did not pass",
      );
    },
  );
});

describe("run() under npm", () => {
  const lab = { npm_lifecycle_event: "lab" };
  const fix = async (env: Record<string, string>, ...args: string[]) => {
    const calls = fakeExec({});
    const io = fakeIo({ env: { ...lab, ...env }, exec: calls });
    const code = await run(args, io);
    expect(calls.calls).toEqual([]);
    return [code, fixOf(io.err())];
  };

  test("refuses before the configuration is read, and shows a command that runs", async () => {
    expect(await fix({ npm_config_evidence: "/tmp/a b" }, "report")).toEqual([
      2,
      "npm run lab -- report --evidence '/tmp/a b'",
    ]);
    // Which option the text belongs to cannot be seen: the help is a command that runs.
    expect(await fix({ npm_config_rate: "true", npm_config_for: "true" }, "traffic", "5", "10s")).toEqual([
      2,
      "npm run lab -- traffic --help",
    ]);
    expect(await fix({ npm_config_preview: "true", npm_config_ignore: "" }, "up")).toEqual([
      2,
      "npm run lab -- up --help",
    ]);
    expect(
      await fix({ npm_lifecycle_event: "up", npm_config_stack: "alice", npm_config_preview: "true" }, "up"),
    ).toEqual([2, "npm run up -- --stack alice --preview"]);
    expect(await fix({ npm_config_stack: "" }, "status")).toEqual([2, "npm run lab -- status --help"]);
    expect(await fix({ npm_config_stack: "true" }, "verify", "mtls", "alice")).toEqual([
      2,
      "npm run lab -- verify mtls --stack alice",
    ]);
  });

  test("takes an option that did arrive, and variables that no npm has set", async () => {
    const arrived = fakeIo({ env: { ...lab, npm_config_stack: "alice" } });
    expect(await run(["plan", "--stack", "alice"], arrived)).toBe(0);
    const direct = fakeIo({ env: { npm_config_stack: "alice" } });
    expect(await run(["plan"], direct)).toBe(0);
  });
});
