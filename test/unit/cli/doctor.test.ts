import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { versions } from "../../../config/versions";
import { clusterName } from "../../../host/paths";
import { derivedPort } from "../../../host/ports";
import { startCluster } from "../../support/cluster";
import { type Answer, checkout, dockerInfo, fakeExec, fakeIo, fitMachine, ownLabHome } from "./world";

ownLabHome();

async function doctor(answers: Record<string, Answer>, config = "") {
  const root = checkout(config ? { "Pulumi.alice.yaml": `config:\n${config}` } : {});
  const io = fakeIo({ root, exec: fakeExec({ ...fitMachine, ...answers }) });
  const code = await run(["doctor", "--stack", "alice", "--json"], io);
  const { findings } = JSON.parse(io.out()) as {
    findings: { id: string; status: string; what: string; fix?: string }[];
  };
  return {
    code,
    findings,
    of: (id: string) => findings.find((each) => each.id === id) ?? expect.fail(`no finding ${id}`),
  };
}
const info = (changes: object) => JSON.stringify({ ...dockerInfo, ...changes });

describe("doctor", () => {
  test("finds a fit machine fit, in text that ends with the next command", async () => {
    const io = fakeIo();
    expect(await run(["doctor", "--stack", "alice"], io)).toBe(0);
    expect(io.out()).toContain("✓ Docker answers  server 28.0.0, 8 CPUs, Docker Desktop");
    expect(io.out()).toMatch(/Next: npm run up -- --stack alice\n$/);
    expect(io.err()).toBe("");
  });

  test("runs no command twice", async () => {
    const exec = fakeExec(fitMachine);
    expect(await run(["doctor", "--stack", "alice"], fakeIo({ exec }))).toBe(0);
    expect(exec.calls).toContain("pulumi version");
    expect(exec.calls.filter((call, index) => exec.calls.indexOf(call) !== index)).toEqual([]);
  });

  test("fails without Docker, and leaves what depends on it open", async () => {
    const { code, of } = await doctor({ "docker info": { code: 127, stderr: "" } });
    expect(code).toBe(4);
    expect(of("docker")).toMatchObject({ status: "fail", what: "Docker is not installed" });
    expect(of("memory").status).toBe("ok");
  });

  test("fails when the daemon does not answer, although docker prints a document", async () => {
    const document = JSON.stringify({ ServerErrors: ["Cannot connect"], ClientInfo: {} });
    const { code, of } = await doctor({ "docker info": document });
    expect(code).toBe(4);
    expect(of("docker").what).toContain("does not answer");
  });

  test.each([
    ["too little memory", { MemTotal: 2 * 1024 ** 3 }, "memory", "fail"],
    ["scarce memory", { MemTotal: 4 * 1024 ** 3 }, "memory", "warn"],
    ["cgroup v1 under Kubernetes 1.36", { CgroupVersion: "1" }, "cgroup", "fail"],
  ])("judges %s", async (_, changes, id, status) => {
    const { code, of } = await doctor({ "docker info": info(changes) });
    expect(of(id).status).toBe(status);
    expect(code).toBe(status === "fail" ? 4 : 0);
  });

  test("lets Kubernetes 1.34 run on cgroup v1", async () => {
    const { code, of } = await doctor(
      { "docker info": info({ CgroupVersion: "1" }) },
      "  ambient-lab:nodeImage: kindest/node:v1.34.2-rig\n",
    );
    expect(of("cgroup").status).toBe("ok");
    expect(code).toBe(0);
  });

  test("reads inotify limits from a node when Docker lives elsewhere", async () => {
    const cat = `docker exec ${clusterName("alice")}-control-plane cat`;
    expect((await doctor({ [cat]: "128\n8192" })).of("inotify")).toMatchObject({
      status: "warn",
      what: "Docker's kernel has fs.inotify.max_user_instances=128 and fs.inotify.max_user_watches=8192",
    });
    expect((await doctor({ [cat]: "8192\n1048576" })).of("inotify").status).toBe("ok");
    expect((await doctor({})).of("inotify").what).toContain('"up" reads and raises');
  });

  test("reports the image store", async () => {
    const containerd = info({ DriverStatus: [["driver-type", "io.containerd.snapshotter.v1"]] });
    expect((await doctor({ "docker info": containerd })).of("image-store").what).toContain("containerd");
    expect((await doctor({})).of("image-store").what).toBe("classic");
  });

  test("distinguishes a configured port that is in use from one that the lab can replace", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(derivedPort("alice"), "127.0.0.1", resolve));
    try {
      expect(await doctor({}).then(({ code, of }) => [code, of("port").status])).toEqual([0, "warn"]);
      const chosen = await doctor({}, `  ambient-lab:httpPort: ${derivedPort("alice")}\n`);
      expect([chosen.code, chosen.of("port").status]).toEqual([4, "fail"]);
      const node = (port: number) => `running ${clusterName("alice")} 127.0.0.1:${port}->30080/tcp`;
      expect((await doctor({ "docker ps --all": node(derivedPort("alice")) })).of("port").status).toBe("ok");
      expect((await doctor({ "docker ps --all": node(8080) })).of("port").status).toBe("warn");
    } finally {
      taken.close();
    }
  });

  test("fails on a cluster of the stack's name that is not its own", async () => {
    const { code, of } = await doctor({ "docker ps --all": "running kind" });
    expect([code, of("cluster").status]).toEqual([4, "fail"]);
  });

  test("warns of other kind clusters", async () => {
    const { code, of } = await doctor({
      "docker ps --all --filter label=io.x-k8s.kind.cluster --format {{.State}} {{.Label":
        "running other\nrunning other\nexited third\nrunning ambient-lab-alice",
    });
    expect(code).toBe(0);
    expect(of("other-clusters").what).toBe("These kind clusters run as well: other");
  });

  test("looks at the cluster instead of Docker when it exists already", async () => {
    const cluster = await startCluster("v1.33.4-eks-1a2b3c");
    const settings = [
      ...["cluster: existing", `kubeconfig: ${cluster.kubeconfig}`, "context: lab", "appImage: registry.test/a:1"],
    ];
    const look = () =>
      doctor({ "docker info": { code: 127, stderr: "" } }, settings.map((each) => `  ambient-lab:${each}\n`).join(""));
    try {
      const { code, of, findings } = await look();
      expect(code).toBe(0);
      expect(findings.map(({ id }) => id).sort()).toEqual(["existing", "home", "node", "pulumi"]);
      expect(of("existing").what).toBe(`Kubernetes v1.33.4-eks-1a2b3c, Istio ${versions.istio}`);
      cluster.put("version", { gitVersion: "v1.31.0" });
      expect((await look()).of("existing").what).toBe(`Istio ${versions.istio} does not support Kubernetes 1.31.0`);
    } finally {
      await cluster.close();
    }
  });

  test.each([
    ["kindest/node:v1.36.1", "ok", /Istio 1\.31\.\d, Kubernetes 1\.36\.1/],
    ["kindest/node:v1.38.0", "fail", /does not support Kubernetes 1\.38\.0/],
    ["kindest/node:mine", "warn", /does not tell its version/],
  ])("compares Istio with the Kubernetes of %s: %s", async (image, status, what) => {
    const { of } = await doctor({}, `  ambient-lab:nodeImage: ${image}\n`);
    expect(of("versions")).toMatchObject({ status });
    expect(of("versions").what).toMatch(what);
  });

  test("names a tool that up would bring", async () => {
    const { of } = await doctor({ "kind version": "kind v0.20.0 go1.20 linux/amd64" });
    expect(of("kind").what).toMatch(/0\.20\.0 at .* is not in >=0\.32\.0 <1\.0\.0; "up" brings 0\.33\.0/);
  });
});
