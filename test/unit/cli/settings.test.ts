import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { changeConfig, markSettings, readConfig, setPort, withdrawSettings } from "../../../cli/stack/settings";
import { resolveStack } from "../../../cli/stack/stack-name";
import { checkout, fakeIo } from "./world";

const read = (root: string, stack: string) => readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8");

describe("resolveStack()", () => {
  const root = checkout();
  test("takes the option first, then the environment, then dev", () => {
    expect(resolveStack("a", { env: { PULUMI_STACK: "b" }, root })).toBe("a");
    expect(resolveStack(undefined, { env: { PULUMI_STACK: "organization/ambient-lab/b" }, root })).toBe("b");
    expect(resolveStack(undefined, { env: { PULUMI_HOME: root }, root })).toBe("dev");
  });
  test("takes the stack that is selected in this checkout and backend", () => {
    const hash = createHash("sha1").update(join(root, "Pulumi.yaml")).digest("hex");
    const selected = (workspace: object) => {
      const home = checkout();
      mkdirSync(join(home, "workspaces"));
      writeFileSync(join(home, "workspaces", `ambient-lab-${hash}-workspace.json`), JSON.stringify(workspace));
      return resolveStack(undefined, { env: { PULUMI_HOME: home }, root });
    };
    expect(
      selected({ stacks: { "file:///other": "organization/ambient-lab/x", "file://~": "organization/ambient-lab/y" } }),
    ).toBe("y");
    expect(selected({ stack: "organization/ambient-lab/z" })).toBe("z");
    expect(selected({ stacks: {} })).toBe("dev");
  });
  test("refuses a name that no node can carry", () => {
    expect(() => resolveStack("Alice's", { env: {}, root })).toThrow(/small letters, digits and dashes/);
    expect(() => resolveStack("a".repeat(33), { env: {}, root })).toThrow(/at most 32/);
  });
});

describe("a Fix is about the stack that the command was about", () => {
  const fix = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const io = fakeIo({ env });
    writeFileSync(join(io.root, "Pulumi.alice.yaml"), "config:\n  ambient-lab:faultPercentt: 3\n");
    writeFileSync(join(io.root, "Pulumi.dev.yaml"), "config:\n  ambient-lab:faultPercentt: 3\n");
    return run(["preview", ...args], io).then(() => /Fix {3}(npm run lab -- config .*?) {3}/.exec(io.err())?.[1]);
  };
  test.each([
    ["an option", ["--stack", "alice"], {}, "npm run lab -- config rm --stack alice faultPercentt"],
    ["its short form, beside another one in the environment", ["-salice"], { PULUMI_STACK: "dev" }, "alice"],
  ])("named by %s", async (_, args, env, expected) => {
    expect(await fix(args, env)).toContain(expected);
  });
  test("and does not name the one that a command takes by itself", async () => {
    expect(await fix([], { PULUMI_HOME: "/nowhere" })).toBe("npm run lab -- config rm faultPercentt");
    expect(await fix([], { PULUMI_STACK: "organization/ambient-lab/alice" })).toBe(
      "npm run lab -- config rm faultPercentt",
    );
    expect(await fix(["--stack", "alice"], { PULUMI_STACK: "alice" })).toBe("npm run lab -- config rm faultPercentt");
  });
});

describe("changeConfig()", () => {
  test("writes values, lists and empty lists, and keeps what is there", () => {
    const root = checkout();
    writeFileSync(join(root, "Pulumi.a.yaml"), "# mine\nconfig:\n  ambient-lab:workers: 3\n");
    const config = changeConfig(root, "a", [
      "faultPercent=30",
      "addons=[]",
      "allowedCallers=[gateway]",
      "faultDelay=500ms",
    ]);
    expect(config).toMatchObject({ workers: 3, faultPercent: 30, addons: [], allowedCallers: ["gateway"] });
    expect(readConfig(root, "a")).toEqual(config);
    expect(read(root, "a")).toContain("# mine");
  });
  test("writes nothing when a value is refused, or is no pair", () => {
    const root = checkout();
    expect(() => changeConfig(root, "b", ["faultPercent=30", "workers=0"])).toThrow(/workers/);
    expect(() => changeConfig(root, "b", ["workers"])).toThrow(/key=value/);
    expect(existsSync(join(root, "Pulumi.b.yaml"))).toBe(false);
  });
});

describe("readConfig()", () => {
  test("has the defaults without a file", () => {
    expect(readConfig(checkout(), "alice")).toMatchObject({ workers: 2, domain: "opssec.in" });
  });
  test("reads the project's keys and leaves other namespaces alone", () => {
    const root = checkout({
      "Pulumi.alice.yaml": "config:\n  ambient-lab:workers: 1\n  kubernetes:strictMode: true\n",
    });
    expect(readConfig(root, "alice").workers).toBe(1);
  });
  test("reports all problems at once with exit code 2", () => {
    const root = checkout({
      "Pulumi.alice.yaml": "config:\n  ambient-lab:workers: 0\n  ambient-lab:faultPercent: 101\n",
    });
    expect(() => readConfig(root, "alice")).toThrow(
      expect.objectContaining({ exitCode: 2, problems: [{}, {}].map(() => expect.anything()) }),
    );
  });
  test("says which file is not YAML", () => {
    const root = checkout({ "Pulumi.alice.yaml": "config: [" });
    expect(() => readConfig(root, "alice")).toThrow(/Pulumi\.alice\.yaml" is not YAML/);
  });
});

describe("withdrawSettings()", () => {
  const salt = "encryptionsalt: v1:abc:v1:def\n";
  test("removes the file that up made and nobody used", () => {
    const root = checkout({ "Pulumi.alice.yaml": salt });
    markSettings(root, "alice");
    setPort(root, "alice", "httpPort", 23456);
    expect(readConfig(root, "alice").httpPort).toBe(23456);
    withdrawSettings(root, "alice");
    expect(existsSync(join(root, "Pulumi.alice.yaml"))).toBe(false);
  });
  test("keeps a file of ours in which the user has set something", () => {
    const root = checkout({ "Pulumi.alice.yaml": salt });
    markSettings(root, "alice");
    setPort(root, "alice", "httpPort", 23456);
    writeFileSync(join(root, "Pulumi.alice.yaml"), `${read(root, "alice")}  ambient-lab:workers: 1\n`);
    withdrawSettings(root, "alice");
    expect(readConfig(root, "alice").workers).toBe(1);
    expect(readConfig(root, "alice").httpPort).toBeUndefined();
    expect(read(root, "alice")).not.toContain("encryptionsalt");
  });
  test("gives the example stack back as it was in git", () => {
    const committed = "# The example stack.\nconfig:\n  ambient-lab:workers: 2\n";
    const root = checkout({ "Pulumi.dev.yaml": `${committed}${salt}` });
    setPort(root, "dev", "httpPort", 23456);
    withdrawSettings(root, "dev");
    expect(read(root, "dev")).toBe(committed);
  });
  test("keeps the salt while a value is encrypted with it, and a port that the user chose", () => {
    const text = `config:\n  ambient-lab:httpPort: 8080\n  other:token:\n    secure: v1:xyz\n${salt}`;
    const root = checkout({ "Pulumi.alice.yaml": text });
    withdrawSettings(root, "alice");
    expect(read(root, "alice")).toBe(text);
  });
});
