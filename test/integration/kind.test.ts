import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clusterState } from "../../host/cluster-state";
import { type ExecResult, exec } from "../../host/exec";
import { removeFromDocker } from "../support/leftovers";
import { requires } from "../support/skip";
import { contentOf, type StackCommands, stackCommands } from "../support/stack-commands";

/**
 * The real scripts against real Docker and kind: two labs at once, from network to nothing. Everything runs as the command
 * plugin would run it, with the inputs that the program declares.
 */
const nodeImage = process.env.LAB_RIG_NODE_IMAGE ?? "kindest/node:v1.34.2-rig";
const images = ["docker.io/mccutchen/go-httpbin:v2.15.0"];
const skip = requires("kind", { docker: true, programs: ["kind"], images: [nodeImage, ...images] });

const stacks = ["kind-a", "kind-b"] as const;
const ports = {
  "kind-a": { httpPort: 28_301, httpsPort: 18_301 },
  "kind-b": { httpPort: 28_302, httpsPort: 18_302 },
};
const userKubeconfig = join(homedir(), ".kube", "config");

describe.skipIf(skip)("kind labs on real Docker", () => {
  const home = mkdtempSync(join(tmpdir(), "ambient-lab-kind-"));
  /** Backend of the labs, in the files of their folders, and with the user in the labels of their networks. */
  const backend = `file://${home}/bob`;
  const bob = `bob@ci ${backend}`;
  const before = contentOf(userKubeconfig);
  const labs = new Map<string, StackCommands>();
  const lab = (stack: string) => {
    const found = labs.get(stack);
    if (!found) throw new Error(`Stack "${stack}" was not prepared`);
    return found;
  };
  const name = (stack: string) => `ambient-lab-${stack}`;
  /** Ids of the labs' networks. */
  const networks = new Map<string, string>();
  /** The command that makes and deletes the cluster; its network is a real one here. */
  const cluster = (stack: string, step: "create" | "update" | "delete", more: Record<string, string> = {}) =>
    lab(stack).run("cluster-kind", step, { NETWORK_ID: networks.get(stack) ?? "", BACKEND: backend, ...more });
  const kubectl = (stack: string, ...args: string[]) =>
    exec("docker", [
      ...["exec", `${name(stack)}-control-plane`, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"],
      ...args,
    ]);

  beforeAll(async () => {
    process.env.AMBIENT_LAB_HOME = home;
    process.env.PULUMI_BACKEND_URL = backend;
    mkdirSync(join(home, "bob", ".pulumi", "stacks"), { recursive: true });
    for (const stack of stacks) {
      await removeFromDocker(stack);
      const config = { nodeImage, appImage: images[0], workers: stack === "kind-a" ? 2 : 1 };
      labs.set(stack, await stackCommands(stack, config, ports[stack], { AMBIENT_LAB_HOME: home }));
      const labels = [`ambient-lab.stack=${stack}`, `ambient-lab.owner=${bob}`].flatMap((each) => ["--label", each]);
      networks.set(stack, (await succeeded(exec("docker", ["network", "create", ...labels, name(stack)]))).stdout);
    }
  });

  afterAll(async () => {
    for (const stack of stacks) {
      if (labs.has(stack)) await cluster(stack, "delete");
      await removeFromDocker(stack);
    }
    rmSync(home, { recursive: true, force: true });
  });

  it("make their clusters side by side, with all nodes ready", async () => {
    await Promise.all(stacks.map((stack) => succeeded(cluster(stack, "create"))));
    for (const [stack, nodes] of [
      ["kind-a", 3],
      ["kind-b", 2],
    ] as const) {
      const { stdout } = await kubectl(stack, "get", "nodes", "--no-headers");
      expect(stdout.split("\n").filter((line) => / Ready /.test(line))).toHaveLength(nodes);
      expect(await clusterState(stack, exec)).toBe("running");
    }
  });

  it("keep their kubeconfig in a private file of the stack and leave the user's alone", () => {
    for (const stack of stacks) {
      const file = join(home, "stacks", stack, "kubeconfig");
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(readFileSync(file, "utf8")).toContain(`current-context: kind-${name(stack)}`);
    }
    expect(contentOf(userKubeconfig)).toBe(before);
  });

  it("publish ports on 127.0.0.1 alone", async () => {
    for (const stack of stacks) {
      const ids = await exec("docker", ["ps", "--quiet", "--filter", `network=${name(stack)}`]);
      const { stdout } = await exec("docker", [
        "inspect",
        "--format",
        "{{json .NetworkSettings.Ports}}",
        ...ids.stdout.split("\n"),
      ]);
      const addresses = [...stdout.matchAll(/"HostIp":"([^"]*)"/g)].map(([, address]) => address);
      expect(addresses.length).toBeGreaterThanOrEqual(2);
      expect(new Set(addresses)).toEqual(new Set(["127.0.0.1"]));
    }
  });

  it("raise the kernel limits of every node and read them back", async () => {
    const { stdout } = await succeeded(lab("kind-a").run("cluster-sysctls", "create"));
    expect(stdout.split("\n")).toHaveLength(6);
    const limit = await exec("docker", [
      "exec",
      `${name("kind-a")}-worker2`,
      "sysctl",
      "-n",
      "fs.inotify.max_user_watches",
    ]);
    expect(Number(limit.stdout)).toBeGreaterThanOrEqual(1_048_576);
  });

  it("never lower a kernel limit", async () => {
    const key = "fs.inotify.max_user_instances";
    const read = async () => (await exec("docker", ["exec", `${name("kind-a")}-worker`, "sysctl", "-n", key])).stdout;
    const held = await read();
    await succeeded(lab("kind-a").run("cluster-sysctls", "create", { SYSCTLS: `${key}=128` }));
    expect(await read()).toBe(held);
  });

  it("fail loudly when a kernel limit cannot be raised", async () => {
    // The kernel refuses to count processes this far.
    const beyond = "kernel.pid_max=99999999999";
    const result = await lab("kind-a").run("cluster-sysctls", "create", { SYSCTLS: beyond });
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(/What .*has kernel\.pid_max = \d+, below 99999999999, and cannot raise it/);
  });

  it("load an image into the nodes that run it: the control plane gets those of DaemonSets alone", async () => {
    const nodes = ["control-plane", "worker", "worker2"];
    const having = async (image: string) => {
      const listed = nodes.map((node) => exec("docker", ["exec", `${name("kind-a")}-${node}`, "crictl", "images"]));
      const found = await Promise.all(listed);
      return nodes.filter((_, index) => found[index]?.stdout.includes(image));
    };
    const image = "mccutchen/go-httpbin";
    expect(await having(image)).toEqual([]);
    expect((await succeeded(lab("kind-a").run("app-load", "create"))).stdout).toBe("1");
    expect(await having(image)).toEqual(["worker", "worker2"]);
    await succeeded(lab("kind-a").run("app-load", "create", { DAEMONS: String(images[0]) }));
    expect(await having(image)).toEqual(nodes);
    const other = await exec("docker", ["exec", `${name("kind-b")}-worker`, "crictl", "images"]);
    expect(other.code).toBe(0);
  });

  it("name an image that neither the machine nor a registry has", async () => {
    const result = await lab("kind-a").run("app-load", "create", { IMAGES: "registry.invalid/none:1" });
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(/What {2}Cannot pull "registry.invalid\/none:1"/);
    const pull = await lab("kind-a").run("images-pull-mesh", "create", { IMAGES: "registry.invalid/none:1" });
    expect(pull.code).not.toBe(0);
    expect(pull.stderr).toMatch(/What {2}Cannot pull "registry.invalid\/none:1"/);
  });

  it("write the kubeconfig again on update", async () => {
    const file = join(home, "stacks", "kind-a", "kubeconfig");
    rmSync(file);
    await succeeded(cluster("kind-a", "update"));
    expect(readFileSync(file, "utf8")).toContain(`kind-${name("kind-a")}`);
  });

  it("neither make nor delete a cluster of their name that lives on another network", async () => {
    for (const step of ["create", "delete"] as const) {
      for (const [variable, value] of [
        ["KIND_EXPERIMENTAL_DOCKER_NETWORK", "elsewhere"],
        ["NETWORK_ID", "another"],
      ] as const) {
        const result = await cluster("kind-b", step, { [variable]: value });
        expect(result.code).not.toBe(0);
        expect(result.stderr).toContain("this stack did not make");
        expect(await clusterState("kind-b", exec)).toBe("running");
      }
    }
  });

  it.each([
    ["another user's checkout", false],
    ["another backend that shares the folder of the labs' files", true],
  ])("are left alone by every command of %s, for the same stack name", async (_, shares) => {
    const theirs = mkdtempSync(join(tmpdir(), "ambient-lab-theirs-"));
    const env = { AMBIENT_LAB_HOME: shares ? home : theirs, PULUMI_BACKEND_URL: `file://${theirs}` };
    const marker = join(home, "stacks", "kind-b", "cluster");
    const noted = contentOf(marker);
    const nodes = () =>
      exec("docker", ["ps", "--all", "--format", "{{.ID}} {{.State}}", "--filter", `network=${name("kind-b")}`]);
    const before = await nodes();
    for (const [command, code] of [
      ["up --yes", 4],
      ["destroy --yes", 2],
      ["pause", 2],
      ["resume", 2],
      ["doctor", 4],
    ] as const) {
      const args = ["cli/bootstrap.cjs", ...command.split(" "), "--stack", "kind-b"];
      const result = await exec(process.execPath, args, { env, cwd: join(__dirname, "..", "..") });
      expect(`${command}: ${result.code}`).toBe(`${command}: ${code}`);
      expect(result.stdout + result.stderr).toContain(
        `A kind cluster "${name("kind-b")}" exists that this stack did not make`,
      );
      expect(result.stdout + result.stderr).toContain(`it belongs to bob@ci, with the state in ${backend}`);
      expect(await nodes()).toEqual(before);
      expect(contentOf(marker)).toBe(noted);
    }
    rmSync(theirs, { recursive: true });
  });

  it("are made anew over the leftover of a killed run", async () => {
    await succeeded(exec("docker", ["rm", "--force", `${name("kind-b")}-worker`]));
    await succeeded(cluster("kind-b", "create"));
    const { stdout } = await kubectl("kind-b", "get", "nodes", "--no-headers");
    expect(stdout.split("\n").filter((line) => / Ready /.test(line))).toHaveLength(2);
  });

  it("take nodes that the state does not know with their network, where its labels prove the owner", async () => {
    const removal = (labels: readonly string[]) =>
      lab("kind-b").run("cluster-network-removal", "delete", { LABELS: labels.join("\n") });
    // A lab of an earlier version, which had the label of the stack alone.
    await succeeded(removal(["ambient-lab.stack=kind-b"]));
    expect(await clusterState("kind-b", exec)).toBe("running");
    await succeeded(removal(["ambient-lab.stack=kind-b", `ambient-lab.owner=${bob}`]));
    expect(await clusterState("kind-b", exec)).toBe("absent");
    expect((await exec("docker", ["network", "inspect", name("kind-b")])).code).not.toBe(0);
    expect(await clusterState("kind-a", exec)).toBe("running");
  });

  it("go away without a trace, one without the other, and twice", async () => {
    await succeeded(cluster("kind-b", "delete"));
    expect(await clusterState("kind-b", exec)).toBe("absent");
    expect(await clusterState("kind-a", exec)).toBe("running");
    await succeeded(cluster("kind-a", "delete"));
    await succeeded(cluster("kind-a", "delete"));
    expect(await clusterState("kind-a", exec)).toBe("absent");
    for (const stack of stacks) expect(existsSync(join(home, "stacks", stack))).toBe(false);
    expect(contentOf(userKubeconfig)).toBe(before);
  });
});

async function succeeded(running: Promise<ExecResult>): Promise<ExecResult> {
  const result = await running;
  if (result.code !== 0)
    throw new Error(`${result.command.slice(0, 200)} failed with ${result.code}: ${result.stderr.slice(-2000)}`);
  return result;
}
