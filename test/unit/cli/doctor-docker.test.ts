import { mkdtempSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { readDocker } from "../../../preflight/docker-facts";
import { type Answer, checkout, dockerInfo, fakeExec, fakeIo, fitMachine, ownLabHome } from "./world";

ownLabHome();

interface LabClient {
  info?: object;
  answers?: Record<string, Answer>;
  env?: Record<string, string>;
  config?: string;
}

/** What doctor finds about one check on a machine whose Docker is another. */
async function finding(id: string, { info = {}, answers = {}, env = {}, config }: LabClient) {
  const root = checkout(config ? { "Pulumi.alice.yaml": `config:\n  ambient-lab:${config}\n` } : {});
  const docker = { "docker info": JSON.stringify({ ...dockerInfo, ...info }) };
  const io = fakeIo({ root, exec: fakeExec({ ...fitMachine, ...docker, ...answers }) });
  Object.assign(io.env, env);
  const code = await run(["doctor", "--stack", "alice", "--json"], io);
  const { findings } = JSON.parse(io.out()) as {
    findings: { id: string; status: string; what: string; fix?: string }[];
  };
  const found = findings.find((each) => each.id === id) ?? expect.fail(`no finding ${id}`);
  return { code, ...found };
}
/** What `docker version --format '{{json .}}'` prints (docker/cli v27.5.1 cli/command/system/version.go), in part. */
const components = (name: string, client: object = {}) =>
  JSON.stringify({ Client: client, Server: { Components: [{ Name: name, Version: "5.6.0" }] } });
const podmanSocket = { "docker version": components("Podman Engine") };
const rootless = { SecurityOptions: ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"] };

describe("doctor on another Docker", () => {
  // moby v28.0.0 libnetwork/ipamapi/contract.go: "all predefined address pools have been fully subnetted".
  describe("whose address pools are used up", () => {
    const columns = (name: string) => `${name}-id\t${name}\t\t`;
    const answers = (subnets: readonly string[]) => ({
      "docker network ls": subnets.map((_, index) => columns(`net-${index}`)).join("\n"),
      "docker network inspect": subnets.map((subnet, index) => `net-${index} ${subnet} `).join("\n"),
    });
    const all = [
      ...Array.from({ length: 15 }, (_, index) => `172.${17 + index}.0.0/16`),
      ...Array.from({ length: 16 }, (_, index) => `192.168.${16 * index}.0/20`),
    ];

    test("says so, and names a key that helps", async () => {
      const found = await finding("subnet", { answers: answers(all) });
      expect(found).toMatchObject({ code: 4, status: "fail" });
      expect(found.what).toBe("Docker's address pools are used up by 31 networks");
      expect(found.fix).toBe(
        "docker network prune   (removes networks without a container), or: npm run lab -- config set --stack alice subnet 10.200.0.0/24",
      );
      const config = "subnet: 10.200.0.0/24";
      expect(await finding("subnet", { answers: answers(all), config })).toMatchObject({ code: 0, status: "ok" });
    });

    test("unless one is left, by the pools of the daemon's settings as well", async () => {
      const left = all.filter((subnet) => subnet !== "172.19.0.0/16");
      expect(await finding("subnet", { answers: answers(left) })).toMatchObject({
        what: "Docker has 172.19.0.0/16 left",
      });
      const DefaultAddressPools = [{ Base: "10.10.0.0/23", Size: 24 }];
      const info = { DefaultAddressPools };
      const one = answers(["10.10.0.0/24"]);
      expect(await finding("subnet", { answers: one, info })).toMatchObject({ what: "Docker has 10.10.1.0/24 left" });
      const both = answers(["10.10.0.0/24", "10.10.1.0/24"]);
      expect((await finding("subnet", { answers: both, info })).what).toContain("used up by 2 networks");
    });

    test("or the lab's network is there", async () => {
      const own = `id\tambient-lab-alice\talice\t`;
      const used = answers(all);
      const living = { ...used, "docker network ls": `${used["docker network ls"]}\n${own}` };
      expect(await finding("subnet", { answers: living })).toMatchObject({ status: "ok" });
    });
  });

  // docker/cli v28.5.2 cli/config/configfile/file.go, ParseProxyConfig: containers and builds get them.
  test("reports the proxies that docker sets in containers", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lab-docker-config-"));
    const told = (proxies: object) => {
      writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: {}, proxies }));
      return finding("docker-proxy", { env: { DOCKER_CONFIG: folder } });
    };
    const httpsProxy = "http://name:secret@proxy.test:3128";
    const lacking = await told({ default: { httpsProxy } });
    expect(lacking).toMatchObject({ code: 0, status: "warn" });
    expect(lacking.what).toMatch(/gives the nodes the proxy http:\/\/proxy\.test:3128, and its noProxy lacks \.svc/);
    const noProxy = "localhost,.svc,.cluster.local,10.96.0.0/12,10.244.0.0/16";
    const good = await told({ default: { httpsProxy, noProxy } });
    expect(good).toMatchObject({ status: "ok", what: `without a proxy, containers by that of ${folder}/config.json` });
    const other = await told({ "unix:///var/run/docker.sock": {}, default: { httpsProxy } });
    expect(other).toMatchObject({ status: "ok", what: "without a proxy" });
  });

  // moby v28.0.0 cmd/dockerd/daemon.go (initializeContainerd) and api/types/system/info.go (ContainerdInfo).
  test.each([
    ["a system's containerd", [["driver-type", "io.containerd.snapshotter.v1"]], "/run/containerd/containerd.sock", 2],
    [
      "a containerd of Docker's own",
      [["driver-type", "io.containerd.snapshotter.v1"]],
      "/var/run/docker/containerd/containerd.sock",
      1,
    ],
    ["the classic store", [["Backing Filesystem", "extfs"]], "/run/containerd/containerd.sock", 1],
  ])("looks for disk where images are kept: %s", async (_, DriverStatus, Address, folders) => {
    const Containerd = { Address };
    const answers = { "docker info": JSON.stringify({ ...dockerInfo, DriverStatus, Containerd }) };
    const { info } = await readDocker(fakeExec({ ...fitMachine, ...answers }), {});
    expect(info?.dataDirs).toEqual(["/var/lib/docker", "/var/lib/containerd"].slice(0, folders));
  });

  // docker/cli v27.5.1 cli/command/image/save.go has no --platform; v28.0.0 has it, and asks client and server for API 1.48.
  // ApiVersion of the client is the one that both agreed on: the older of the two.
  test.each([
    ["client and server of Docker 27", "27.5.1", "27.5.1", "1.47", "fail"],
    ["a client of Docker 27", "27.5.1", "28.0.0", "1.47", "fail"],
    ["a server of Docker 27", "28.0.0", "27.5.1", "1.47", "fail"],
    ["Docker 28", "28.0.0", "28.0.0", "1.48", "ok"],
    ["Docker 29", "29.8.1", "29.8.1", "1.56", "ok"],
  ])("judges the containerd image store with %s", async (_, client, ServerVersion, ApiVersion, status) => {
    const answers = { "docker version": components("Engine", { Version: client, ApiVersion }) };
    const DriverStatus = [["driver-type", "io.containerd.snapshotter.v1"]];
    const engine = { ServerVersion, OperatingSystem: "Debian GNU/Linux 12" };
    const found = await finding("image-store", { info: { ...engine, DriverStatus }, answers });
    expect(found).toMatchObject({ code: status === "fail" ? 4 : 0, status });
    expect(await finding("image-store", { info: engine, answers })).toMatchObject({ code: 0, what: "classic" });
    if (status === "ok") return;
    expect(found.what).toContain(`client ${client} and server ${ServerVersion} use API 1.47`);
    expect(found.fix).toContain('{"features": {"containerd-snapshotter": false}}');
    const desktop = await finding("image-store", { info: { ServerVersion, DriverStatus }, answers });
    expect(desktop.fix).toContain("Use containerd for pulling and storing images");
    const env = { DOCKER_API_VERSION: "1.47" };
    expect((await finding("image-store", { info: { DriverStatus }, answers, env })).fix).toBe(
      "unset DOCKER_API_VERSION",
    );
  });

  test.each([
    ["Docker Engine", { OperatingSystem: "Debian GNU/Linux 12", Name: "laptop" }],
    ["Docker Desktop", { OperatingSystem: "Docker Desktop", Name: "docker-desktop" }],
    ["OrbStack", { OperatingSystem: "OrbStack", Name: "orbstack" }],
    ["Colima", { OperatingSystem: "Ubuntu 24.04 LTS", Name: "colima-work" }],
    ["Rancher Desktop", { OperatingSystem: "Alpine Linux v3.21", Name: "lima-rancher-desktop" }],
  ])("knows %s and finds it fit", async (kind, info) => {
    const found = await finding("docker-kind", { info, answers: { "docker version": components("Engine") } });
    expect(found).toMatchObject({ code: 0, status: "ok", what: expect.stringMatching(new RegExp(`^${kind}: `)) });
  });

  test("refuses podman behind Docker's socket, and under Docker's name", async () => {
    const socket = await finding("docker-kind", { answers: podmanSocket });
    expect(socket).toMatchObject({ code: 4, status: "fail", what: "podman answers in Docker's place" });
    const shim = JSON.stringify({ host: { buildahVersion: "1.40" }, version: { Version: "5.6.0" } });
    const named = await finding("docker-kind", { answers: { "docker info": shim } });
    expect(named).toMatchObject({ code: 4, status: "fail", what: "podman answers in Docker's place" });
  });

  test("warns of a rootless Docker, and refuses it on cgroup v1", async () => {
    expect(await finding("docker-kind", { info: rootless })).toMatchObject({ code: 0, status: "warn" });
    const old = await finding("docker-kind", { info: { ...rootless, CgroupVersion: "1" } });
    expect(old).toMatchObject({ code: 4, status: "fail", what: "Docker is rootless, on cgroup v1" });
  });

  test("asks for kernel limits by hand where rootless nodes cannot raise them", async () => {
    const answers = { "docker exec ambient-lab-alice-control-plane cat": "128\n8192" };
    expect(await finding("inotify", { answers })).toMatchObject({ code: 0, status: "warn" });
    const { code, fix } = await finding("inotify", { answers, info: rootless });
    expect([code, fix]).toEqual([
      4,
      "sudo sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=1048576",
    ]);
  });

  test("refuses a folder that Colima's nodes cannot mount, when they would", async () => {
    const info = { OperatingSystem: "Ubuntu 24.04 LTS", Name: "colima" };
    expect((await finding("docker-kind", { info })).status).toBe("ok");
    const mounting = await finding("docker-kind", { info, config: "imageCache: true" });
    expect(mounting).toMatchObject({ code: 4, fix: expect.stringContaining("unset AMBIENT_LAB_HOME") });
  });

  test.each([
    ["ssh://me@build.example", "build.example"],
    ["tcp://10.0.0.7:2376", "10.0.0.7"],
  ])("refuses the Docker of another machine: %s", async (endpoint, host) => {
    const found = await finding("docker-host", { env: { DOCKER_HOST: endpoint } });
    expect(found).toMatchObject({ code: 4, status: "fail", what: `Docker runs on ${host}` });
    expect((await finding("docker-host", { answers: { "docker context": `${endpoint}\n` } })).status).toBe("fail");
  });

  test.each(["unix:///Users/me/.colima/default/docker.sock", "tcp://127.0.0.1:2375", "npipe:////./pipe/docker_engine"])(
    "takes the Docker of this machine: %s",
    async (endpoint) => {
      expect((await finding("docker-host", { env: { DOCKER_HOST: endpoint } })).status).toBe("ok");
    },
  );

  test("does not look for Docker's disk where only its kernel is this machine's: WSL 2 with Docker Desktop", async () => {
    const info = { KernelVersion: release(), DockerRootDir: "/nowhere/var/lib/docker" };
    const found = await finding("disk", { info, answers: { "docker exec": "1024\n1048576" } });
    expect(found).toMatchObject({ code: 0, status: "ok", what: expect.stringContaining("not on this machine") });
  });

  test("warns of a proxy that Docker does not know, unless a bundle needs none", async () => {
    const env = { HTTPS_PROXY: "http://proxy.example:3128" };
    expect(await finding("docker-proxy", { env })).toMatchObject({ code: 0, status: "warn" });
    expect((await finding("docker-proxy", { env, info: { HttpsProxy: "http://p:1" } })).status).toBe("ok");
    expect((await finding("docker-proxy", { env, config: "artifactSource: /media/usb/lab" })).status).toBe("ok");
    expect((await finding("docker-proxy", {})).what).toBe("without a proxy");
  });
});
