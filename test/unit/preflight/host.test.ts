import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { examine } from "../../../cli/doctor/examine";
import { parseConfig } from "../../../config/load";
import type { LabConfig } from "../../../config/schema";
import { versions } from "../../../config/versions";
import { clusterIsLost } from "../../../host/cluster-state";
import { LabErrors } from "../../../host/errors";
import type { Exec } from "../../../host/exec";
import { labOwner } from "../../../host/lab-owner";
import { markerFile, stackDir } from "../../../host/paths";
import { derivedPort, gatewayPorts } from "../../../host/ports";
import { writeWhole } from "../../../host/write-file";
import { dockerChecks } from "../../../preflight/docker-checks";
import { checkHost } from "../../../preflight/host";
import { startCluster } from "../../support/cluster";
import { type Machine, machine } from "../../support/machine";

const stack = "t1";
const own = "ambient-lab-t1";
let home: string;
/** Free on this machine now: a lab of the same stack may well run here. */
let port: number;
let httpsPort: number;

beforeEach(async () => {
  port = await freePort();
  httpsPort = await freePort();
  home = await mkdtemp(join(tmpdir(), "ambient-lab-host-"));
  vi.stubEnv("AMBIENT_LAB_HOME", home);
  vi.stubEnv("DOCKER_HOST", "");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

const kind = (raw: Record<string, unknown> = {}): LabConfig => parseConfig({ httpPort: port, httpsPort, ...raw });

async function problemsOf(config: LabConfig, exec: Exec): Promise<string[]> {
  const thrown = await checkHost(config, stack, exec).then(
    () => new Error("The machine was accepted"),
    (error: unknown) => error,
  );
  if (!(thrown instanceof LabErrors)) throw thrown;
  expect(thrown.exitCode).toBe(4);
  for (const { why, fix } of thrown.problems) expect(why.length * fix.length).toBeGreaterThan(0);
  return thrown.problems.map(({ what }) => what);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Binds a port of this machine while `during` runs. */
async function whileListening<T>(port: number, during: () => Promise<T>): Promise<T> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return during().finally(() => new Promise((resolve) => server.close(resolve)));
}

describe("Docker", () => {
  test("checkHost() distinguishes a missing Docker from a stopped one", async () => {
    expect(await problemsOf(kind(), machine({ version: { code: 127 } }))).toEqual(["Docker is not installed"]);
    const stderr = "Client: 28\nCannot connect to the Docker daemon";
    expect(await problemsOf(kind(), machine({ version: { code: 1, stderr } }))).toEqual([
      "Docker does not answer: Cannot connect to the Docker daemon",
    ]);
  });

  test("checkHost() reports the address of Docker: that of DOCKER_HOST, else of the context", async () => {
    const remote = machine({ dockerHost: "unix:///home/me/.colima/docker.sock" });
    expect((await checkHost(kind(), stack, remote)).dockerHost).toBe("unix:///home/me/.colima/docker.sock");
    expect((await checkHost(kind(), stack, machine())).dockerHost).toBe("unix:///var/run/docker.sock");
    vi.stubEnv("DOCKER_HOST", "unix:///run/docker.sock");
    expect((await checkHost(kind(), stack, remote)).dockerHost).toBe("unix:///run/docker.sock");
  });
});

/** What `podman info --format '{{json .}}'` prints, in part (containers/podman v5.6.0 libpod/define/info.go). */
const podmanInfo = {
  ServerVersion: undefined,
  host: { buildahVersion: "1.41.3", cgroupVersion: "v2", cpus: 8, memTotal: 16 * 1024 ** 3 },
  version: { Version: "5.6.0" },
};

describe("what stops doctor's Docker stops the program with the same words", () => {
  test.each([
    ["rootless on cgroup v1", { info: { CgroupVersion: "1", SecurityOptions: ["name=rootless"] } }, "docker-kind"],
    ["cgroup v1 under Kubernetes 1.36", { info: { CgroupVersion: "1" } }, "cgroup"],
    ["the Docker of another machine", { dockerHost: "ssh://me@build.example" }, "docker-host"],
    ["podman's docker", { info: podmanInfo }, "docker-kind"],
  ])("%s", async (_, state: Machine, id) => {
    const exec = machine(state);
    const config = kind();
    const found = await examine({ env: process.env, exec }, stack, config);
    const failed = found.filter(({ status }) => status === "fail");
    expect(failed.map((finding) => finding.id)).toContain(id);
    const compatible = failed.filter(({ id }) => dockerChecks.some((check) => check.id === id));
    expect(await problemsOf(config, exec)).toEqual(compatible.map(({ what }) => what));
    // "up" has looked already, and what it ignores reaches the program by a variable.
    await expect(checkHost(config, stack, exec, { examined: true })).resolves.toBeDefined();
    vi.stubEnv("AMBIENT_LAB_IGNORE", failed.map((finding) => finding.id).join());
    await expect(checkHost(config, stack, exec)).resolves.toBeDefined();
  });

  test("an old kind on the PATH stops a run that makes the lab, and no preview", async () => {
    const exec = machine({ kind: "kind v0.30.0 go1.24.6 linux/amd64" });
    await expect(checkHost(kind(), stack, exec)).resolves.toBeDefined();
    await expect(checkHost(kind(), stack, exec, { makes: true })).rejects.toMatchObject({
      what: "kind 0.30.0 is not in >=0.32.0 <1.0.0",
      fix: expect.stringMatching(/^npm run up {3}\(brings kind 0\.33\.0 into .*\/bin\)$/),
    });
    await expect(checkHost(kind(), stack, machine(), { makes: true })).resolves.toBeDefined();
  });
});

test("checkHost() reports the MTU of Docker's default network if it is configured", async () => {
  expect((await checkHost(kind(), stack, machine({ mtu: "1400" }))).mtu).toBe(1400);
  for (const mtu of ["", "<no value>", "0"])
    expect((await checkHost(kind(), stack, machine({ mtu }))).mtu).toBeUndefined();
});

describe("the stack's own cluster", () => {
  test("checkHost() points to resume where nodes do not run: the engine would wait for an answer", async () => {
    const asleep = [`exited ${own}`, `exited ${own}`];
    expect(await problemsOf(kind(), machine({ nodes: asleep }))).toEqual([
      'Lab "t1" is paused: none of its node containers runs',
    ]);
    expect(await problemsOf(kind(), machine({ nodes: [`running ${own}`, `exited ${own}`] }))).toEqual([
      'Node containers of lab "t1" are stopped',
    ]);
  });

  test("checkHost() refuses to go on over a cluster that is gone, unless its caller takes care of that", async () => {
    writeWhole(markerFile(stackDir(stack)), `${own}\n`);
    const [problem] = await problemsOf(kind(), machine({}));
    expect(problem).toBe(`The kind cluster "${own}" of this stack is gone`);
    expect(await clusterIsLost(stack, machine({}))).toBe(true);
    await expect(checkHost(kind(), stack, machine({}), { lostClusterIsFine: true })).resolves.toBeDefined();
    const living = machine({ nodes: [`running ${own}`] });
    expect(await clusterIsLost(stack, living)).toBe(false);
    await expect(checkHost(kind(), stack, living)).resolves.toBeDefined();
  });

  test("checkHost() writes a lost kubeconfig again, for its owner only", async () => {
    await checkHost(kind(), stack, machine({ nodes: [`running ${own}`], kubeconfig: "kind: Config" }));
    const file = join(stackDir(stack), "kubeconfig");
    expect(await readFile(file, "utf8")).toBe("kind: Config\n");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test("checkHost() leaves a kubeconfig alone that is there", async () => {
    const file = join(stackDir(stack), "kubeconfig");
    writeWhole(file, "mine");
    await checkHost(kind(), stack, machine({ nodes: [`running ${own}`], kubeconfig: "other" }));
    expect(await readFile(file, "utf8")).toBe("mine");
  });
});

describe("port and subnet", () => {
  test("checkHost() derives the port from the stack's name, the same every time", async () => {
    const running = machine({ nodes: [`running ${own}`] });
    expect((await checkHost(parseConfig({}), stack, running)).httpPort).toBe(derivedPort(stack));
    expect(derivedPort("t1")).not.toBe(derivedPort("t2"));
    for (const name of ["a", "dev", "a-very-long-stack-name"]) {
      expect(derivedPort(name)).toBeGreaterThanOrEqual(20_000);
      expect(derivedPort(name)).toBeLessThan(30_000);
      const { httpPort, httpsPort: secure } = gatewayPorts({}, name);
      expect([httpPort, secure]).toEqual([derivedPort(name), derivedPort(name) - 10_000]);
    }
    expect(gatewayPorts({ httpPort: 8080, httpsPort: 8443 }, "a")).toEqual({ httpPort: 8080, httpsPort: 8443 });
  });

  test("checkHost() refuses a port of a cluster that is paused, on which nothing listens", async () => {
    const claims = [`ambient-lab-bob 41000 ${port}`, "ambient-lab-bob"];
    expect(await problemsOf(kind(), machine({ claims }))).toEqual([
      `Port ${port} on 127.0.0.1 belongs to kind cluster "ambient-lab-bob"`,
    ]);
    const own = [`ambient-lab-t1 ${port}`];
    await expect(checkHost(kind(), stack, machine({ claims: own }))).resolves.toBeDefined();
  });

  test("checkHost() refuses a port that somebody listens on, unless it is the lab's own cluster", async () => {
    const ports = (http: number) => `127.0.0.1:${http}->30080/tcp, 127.0.0.1:${httpsPort}->30443/tcp`;
    const running = (http: number) => machine({ nodes: [`running ${own} ${ports(http)}`, `running ${own} `] });
    await whileListening(port, async () => {
      expect(await problemsOf(kind(), machine())).toEqual([`Port ${port} on 127.0.0.1 is in use`]);
      expect((await checkHost(kind(), stack, running(port))).httpPort).toBe(port);
      // Another port makes the cluster anew: the lab would be lost before kind finds it taken.
      expect(await problemsOf(kind(), running(8080))).toEqual([`Port ${port} on 127.0.0.1 is in use`]);
    });
    expect((await checkHost(kind(), stack, running(8080))).httpPort).toBe(port);
    const both = kind({ httpsPort: port });
    expect(await problemsOf(both, running(port))).toEqual([`Port ${port} is to be httpPort and httpsPort at once`]);
    expect((await checkHost(kind(), stack, machine())).httpPort).toBe(port);
    await whileListening(httpsPort, async () => {
      expect(await problemsOf(kind(), machine())).toEqual([`Port ${httpsPort} on 127.0.0.1 is in use`]);
    });
    const same = kind({ httpsPort: port });
    expect(await problemsOf(same, machine())).toEqual([`Port ${port} is to be httpPort and httpsPort at once`]);
  });

  test.each([
    ["172.30.0.0/24", { name: "other", subnets: ["172.30.0.0/16"] }, true],
    ["172.30.0.0/16", { name: "other", subnets: ["fd00::/64", "172.30.9.0/24"] }, true],
    ["172.31.0.0/16", { name: "other", subnets: ["172.30.0.0/16"] }, false],
    ["172.30.0.0/24", { name: own, stack, owner: labOwner(), subnets: ["172.30.0.0/24"] }, false],
  ])("checkHost() compares subnet %s with the network %j: clash %s", async (subnet, network, clash) => {
    const checked = checkHost(kind({ subnet }), stack, machine({ networks: [{ name: "none" }, network] }));
    if (clash) await expect(checked).rejects.toThrow(`Subnet ${subnet} overlaps with`);
    else await expect(checked).resolves.toHaveProperty("httpPort");
  });

  test("checkHost() compares the new subnet of a living lab", async () => {
    const networks = [
      { name: own, stack, owner: labOwner(), subnets: ["172.31.0.0/16"] },
      { name: "other", subnets: ["172.30.0.0/16"] },
    ];
    const living = machine({ nodes: [`running ${own}`], networks });
    expect(await problemsOf(kind({ subnet: "172.30.0.0/24" }), living)).toEqual([
      expect.stringContaining("Subnet 172.30.0.0/24 overlaps with"),
    ]);
    await expect(checkHost(kind({ subnet: "172.31.0.0/16" }), stack, living)).resolves.toHaveProperty("httpPort");
  });

  test("checkHost() reports every problem at once", async () => {
    const config = kind({ subnet: "172.30.0.0/24" });
    const state = machine({ networks: [{ name: "other", subnets: ["172.30.0.0/16"] }] });
    await whileListening(port, async () => expect(await problemsOf(config, state)).toHaveLength(2));
  });
});

describe("versions", () => {
  test("checkHost() refuses nodes that Istio does not support, with the table of those it does", async () => {
    const config = kind({ nodeImage: "kindest/node:v1.31.9" });
    const thrown = await checkHost(config, stack, machine()).catch((error: unknown) => error);
    if (!(thrown instanceof LabErrors)) throw thrown;
    expect(thrown.message).toContain(`Istio ${versions.istio} does not support Kubernetes 1.31.9`);
    expect(thrown.message).toMatch(/1\.30 \(from 1\.30\.4\) +>=1\.32\.0 <1\.37\.0 +v1\.5\.1/);
  });

  test("checkHost() accepts a tag without a version", async () => {
    await expect(checkHost(kind({ nodeImage: "kindest/node:mine" }), stack, machine())).resolves.toBeDefined();
  });

  test("checkHost() reports the Istio version of the running cluster, and refuses to skip a minor version", async () => {
    const cluster = await startCluster();
    try {
      const istio = (image: string) => ({ spec: { template: { spec: { containers: [{ image }] } } } });
      const path = "apis/apps/v1/namespaces/istio-system/deployments/istiod";
      const text = (await readFile(cluster.kubeconfig, "utf8")).replace('"name":"lab"', `"name":"kind-${own}"`);
      writeWhole(join(stackDir(stack), "kubeconfig"), text);
      const running = machine({ nodes: [`running ${own}`] });
      expect((await checkHost(kind(), stack, running)).installedIstio).toBeUndefined();
      cluster.put(path, istio("docker.io/istio/pilot:1.30.5-distroless"));
      expect((await checkHost(kind(), stack, running)).installedIstio).toBe("1.30.5");
      cluster.put(path, istio("docker.io/istio/pilot:1.29.0-distroless"));
      expect((await problemsOf(kind(), running))[0]).toContain(
        `Istio 1.29.0 cannot become ${versions.istio} in one step`,
      );
    } finally {
      await cluster.close();
    }
  });
});

describe("an existing cluster", () => {
  const appImage = "registry.test/httpbin:1";
  const existing = (kubeconfig: string, context = "lab") =>
    kind({ cluster: "existing", kubeconfig, context, appImage });
  const noDocker = machine({ version: { code: 127 } });

  test("checkHost() needs no Docker, and reports the facts of the cluster", async () => {
    const cluster = await startCluster();
    try {
      const facts = await checkHost(existing(cluster.kubeconfig), stack, noDocker);
      expect(facts).toEqual({ httpPort: port, httpsPort, installedIstio: undefined, gatewayApi: undefined });
    } finally {
      await cluster.close();
    }
  });

  test("checkHost() names the contexts of a kubeconfig that has not the wanted one", async () => {
    const file = join(home, "config");
    await writeFile(file, "contexts: [{ name: prod }, { name: dev }]");
    expect(await problemsOf(existing(file), noDocker)).toEqual([
      `Kubeconfig "${file}" has no context "lab"; it has prod, dev`,
    ]);
  });

  test("checkHost() refuses a kubeconfig that is absent, empty or no YAML", async () => {
    const file = join(home, "config");
    expect((await problemsOf(existing(file), noDocker))[0]).toContain("ENOENT");
    await writeFile(file, "");
    expect((await problemsOf(existing(file), noDocker))[0]).toContain("it has none");
    await writeFile(file, "contexts: [");
    expect((await problemsOf(existing(file), noDocker))[0]).toContain("Cannot read the kubeconfig");
  });
});
