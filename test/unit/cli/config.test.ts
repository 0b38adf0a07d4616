import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { run } from "../../../cli/run";
import { readConfig, setPort } from "../../../cli/stack/settings";
import { exec } from "../../../host/exec";
import { projectCopy } from "../../support/pulumi-project";
import { checkout, fakeExec, fakeIo } from "./world";

/** Runs `config` where neither Pulumi nor Docker is there. */
function type(root: string, ...args: string[]) {
  const io = fakeIo({ root, exec: fakeExec({}), env: { PATH: "/nowhere", PULUMI_HOME: "/nowhere" } });
  return run(["config", ...args], io).then((code) => ({ code, out: io.out(), err: io.err() }));
}

const read = (root: string, stack = "dev") => readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8");

describe("config set", () => {
  test("writes a key before there is a stack, as Pulumi reads it", async () => {
    const root = checkout();
    expect(await type(root, "set", "faultPercent", "30", "--stack", "alice")).toMatchObject({ code: 0, err: "" });
    await type(root, "set", "addons", "[prometheus, kiali]", "--stack", "alice");
    await type(root, "set", "allowedCallers", '["gateway"]', "--stack", "alice");
    expect(parse(read(root, "alice")).config).toEqual({
      "ambient-lab:faultPercent": 30,
      "ambient-lab:addons": ["prometheus", "kiali"],
      "ambient-lab:allowedCallers": ["gateway"],
    });
  });

  test("keeps comments, encrypted values, long lines and keys of others", async () => {
    const long = `# ${"a comment that nobody may break into two lines ".repeat(4)}`;
    const text = `${long}\nencryptionsalt: v1:abc:v1:def\nconfig:\n  # ours\n  ambient-lab:workers: 3 # three\n  other:token:\n    secure: v1:${"x".repeat(200)}\n  ambient-lab:domain: a.test\n`;
    const root = checkout({ "Pulumi.dev.yaml": text });
    await type(root, "set", "workers", "1");
    expect(read(root)).toBe(text.replace("workers: 3", "workers: 1"));
    await type(root, "rm", "domain");
    expect(read(root)).toBe(text.replace("workers: 3", "workers: 1").replace("  ambient-lab:domain: a.test\n", ""));
  });

  test.each([
    ["an empty file", ""],
    ["a file without keys", "config:\n"],
    ["a file with an empty map", "config: {}\n"],
  ])("writes into %s", async (_, text) => {
    const root = checkout({ "Pulumi.dev.yaml": text });
    expect((await type(root, "set", "workers", "1")).code).toBe(0);
    expect(readConfig(root, "dev").workers).toBe(1);
  });

  test("keeps text that looks like a number where the key holds text", async () => {
    const root = checkout();
    await type(root, "set", "context", "2024");
    expect(parse(read(root)).config).toEqual({ "ambient-lab:context": "2024" });
  });

  test("a port that the user sets is no longer the one that up chose", async () => {
    const root = checkout();
    setPort(root, "dev", "httpPort", 23456);
    await type(root, "set", "httpPort", "23457");
    expect(read(root)).not.toContain("chosen by");
  });

  test.each([
    [["set", "faultPercent", "101"], /faultPercent" is refused/],
    [["set", "addons", "prometheus"], /expected array/],
    [["set", "addons[0]", "prometheus"], /does not exist/],
    [["set", "faultPercents", "1"], /did you mean "faultPercent"/],
    [["set", "faultPercent"], /takes the form: config set KEY VALUE/],
    [["set", "addons", "[a,", "b]"], /too many arguments/],
    [["get", "nothing"], /does not exist/],
    [["rm", "nothing"], /does not exist/],
    [["change", "faultPercent", "1"], /Allowed choices are set, get, list, rm/],
  ])("config %j is refused, and nothing is written", async (args, message) => {
    const root = checkout();
    const { code, err } = await type(root, ...args);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
    expect(() => read(root)).toThrow(/ENOENT/);
  });

  test("works key by key, and says what is left", async () => {
    const root = checkout();
    const first = await type(root, "set", "cluster", "existing");
    expect(first).toMatchObject({
      code: 0,
      err: expect.stringContaining('"kubeconfig" and "context" are not both set'),
    });
    await type(root, "set", "kubeconfig", "/k");
    await type(root, "set", "context", "lab");
    expect((await type(root, "set", "appImage", "registry.test/a:1")).err).toBe("");
    expect(readConfig(root, "dev")).toMatchObject({ cluster: "existing", context: "lab" });
  });
});

test("each Fix of a settings file with several mistakes works by itself", async () => {
  const root = checkout({
    "Pulumi.dev.yaml":
      "config:\n  ambient-lab:workers: 0\n  ambient-lab:faultPercentt: 3\n  ambient-lab:addons: [loki]\n",
  });
  expect((await type(root, "rm", "faultPercentt")).code).toBe(0);
  expect((await type(root, "set", "workers", "2")).code).toBe(0);
  expect((await type(root, "set", "addons", "[prometheus]")).err).toBe("");
  expect(readConfig(root, "dev")).toMatchObject({ workers: 2, addons: ["prometheus"] });
});

// What `pulumi config set --secret` writes: pulumi v3.259.0, sdk/go/common/resource/config/value.go, Value.MarshalYAML.
test("an encrypted value is called so, and its Fix works", async () => {
  const root = checkout({
    "Pulumi.dev.yaml":
      "config:\n  ambient-lab:domain:\n    secure: v1:abc\n  ambient-lab:addons:\n    - secure: v1:def\n",
  });
  const io = fakeIo({ root });
  expect(await run(["doctor"], io)).toBe(2);
  expect(io.err()).toContain('Config key "domain" is encrypted');
  expect(io.err()).toContain('Config key "addons" is encrypted');
  expect((await type(root, "list")).out).toMatch(/^\* domain +encrypted$/m);
  await type(root, "set", "domain", "a.test");
  await type(root, "rm", "addons");
  expect(readConfig(root, "dev").domain).toBe("a.test");
});

test("config get and list show values and defaults, for people and as JSON", async () => {
  const root = checkout({ "Pulumi.dev.yaml": "config:\n  ambient-lab:workers: 1\n" });
  expect((await type(root, "get", "workers")).out).toBe("1\n");
  expect((await type(root, "get", "addons")).out).toBe("[prometheus, grafana, jaeger, kiali]\n");
  expect(JSON.parse((await type(root, "get", "addons", "--json")).out)).toHaveLength(4);
  const { out } = await type(root, "list");
  expect(out).toMatch(/^\* workers +1$/m);
  expect(out).toMatch(/^ {2}faultPercent +50$/m);
  const rows: { key: string; value: unknown; set: boolean }[] = JSON.parse((await type(root, "list", "--json")).out);
  expect(rows).toContainEqual({ key: "workers", value: 1, set: true });
});

test("npm runs it from a subfolder, with nothing but Node.js on the PATH", { timeout: 60_000 }, async () => {
  const { dir, remove } = await projectCopy("config");
  const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, PULUMI_STACK: undefined, PULUMI_HOME: dir };
  const args = ["run", "lab", "--", "config", "set", "artifactSource", "/media/usb/lab", "--stack", "alice"];
  const { code, stderr } = await exec("npm", args, { cwd: join(dir, "docs"), env });
  expect(code, stderr).toBe(0);
  expect(readConfig(dir, "alice").artifactSource).toBe("/media/usb/lab");
  remove();
});
