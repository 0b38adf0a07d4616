import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../../cli/run";
import { readConfig } from "../../../cli/stack/settings";
import { derivedPort } from "../../../host/ports";
import { startCluster } from "../../support/cluster";
import { startServer } from "../../support/server";
import { labFacts } from "../verify/fake/facts";
import { fakeWorld } from "../verify/fake/world";
import { checkout, dockerInfo, FakeEngine, fakeExec, fakeIo, fitMachine, ownLabHome } from "./world";

ownLabHome();

const outputs = {
  url: "http://127.0.0.1:23456",
  curl: ["curl -i -H 'Host: appb.opssec.in' http://127.0.0.1:23456/get   # 200 through gateway and waypoint"],
  kubeconfig: "/home/u/.ambient-lab/stacks/alice/kubeconfig",
  context: "kind-ambient-lab-alice",
  dashboards: "npm run lab -- open kiali --stack alice",
};
const policy = "ambientlab:mesh:Policies$kubernetes:security.istio.io/v1:AuthorizationPolicy::policies-appb-l7";

function newEngine(root: string): FakeEngine {
  const engine = new FakeEngine();
  engine.stackOutputs = outputs;
  engine.onCreate = () => writeFileSync(join(root, "Pulumi.alice.yaml"), "encryptionsalt: v1:abc\n");
  return engine;
}
const up = ["up", "--stack", "alice", "--yes", "--no-verify"];

describe("up", () => {
  test("makes and selects a new stack, applies it and ends with what to type next", async () => {
    const root = checkout();
    const engine = newEngine(root);
    engine.steps = [
      { op: "create", path: "ambientlab:mesh:Policies::policies" },
      { op: "create", path: policy, parent: "ambientlab:mesh:Policies::policies" },
    ];
    const io = fakeIo({ root, engine });
    expect(await run(up, io)).toBe(0);
    expect(engine.calls).toEqual(["create", "select", "up"]);
    expect(io.err()).toMatch(/✓ policies › appb-l7 {2}AuthorizationPolicy created {2}0\.\d s/);
    expect(io.err()).toMatch(/^Machine .* · Tools .* · Stack .* · Lab "alice" .*$/m);
    expect(io.out()).toMatchInlineSnapshot(`
      "Lab "alice" is up: http://127.0.0.1:23456

        curl -i -H 'Host: appb.opssec.in' http://127.0.0.1:23456/get   # 200 through gateway and waypoint
        npm run lab -- open kiali --stack alice
        kubectl --kubeconfig /home/u/.ambient-lab/stacks/alice/kubeconfig --context kind-ambient-lab-alice get pods -A

      Next:
        npm run lab -- verify --stack alice
        npm run lab -- report --stack alice
        npm run lab -- tour --stack alice
        npm run destroy -- --stack alice
      "
    `);
  });

  test("answers in JSON alone on stdout", async () => {
    const root = checkout();
    const io = fakeIo({ root, engine: newEngine(root) });
    expect(await run([...up, "--json"], io)).toBe(0);
    expect(JSON.parse(io.out())).toMatchObject({ stack: "alice", changed: 0, url: outputs.url });
  });

  test("stops on an unsupported machine before any tool or stack is changed, except with --ignore", async () => {
    const root = checkout();
    const exec = fakeExec({ ...fitMachine, "docker info": JSON.stringify({ ...dockerInfo, CgroupVersion: "1" }) });
    const engine = newEngine(root);
    const io = fakeIo({ root, exec, engine });
    expect(await run(up, io)).toBe(4);
    expect(io.err()).toContain("What  Docker runs on cgroup v1");
    expect(engine.calls).toEqual([]);
    expect(await run([...up, "--ignore", "cgroup"], io)).toBe(0);
  });

  test("shows the failed resource and its message, without the output of the engine", async () => {
    const root = checkout();
    const engine = newEngine(root);
    engine.steps = [{ op: "create", path: policy, fails: "admission webhook denied the request: unknown field" }];
    const io = fakeIo({ root, engine });
    expect(await run(up, io)).toBe(1);
    expect(io.err()).toContain(
      [
        '    What  AuthorizationPolicy "policies-appb-l7": admission webhook denied the request: unknown field',
        '    Why   The engine stopped there; what was done before is in the state of stack "alice"',
        "    Fix   Remove the cause, then: npm run up -- --stack alice",
      ].join("\n"),
    );
    expect(io.err()).not.toContain("long story");
    expect(io.out()).toBe("");
  });

  test("hands on the What, Why and Fix of the program itself", async () => {
    const root = checkout();
    const engine = newEngine(root);
    const message =
      "\n    What  Cannot download https://x: ENOTFOUND\n    Why   It is not in the cache\n    Fix   npm run lab -- config set artifactSource DIR\n          (or a mirror)\n";
    engine.steps = [{ op: "create", path: "pulumi:pulumi:Stack::ambient-lab-alice", fails: message }];
    const io = fakeIo({ root, engine });
    expect(await run(up, io)).toBe(1);
    expect(io.err()).toContain(
      "✗ up\n    What  Cannot download https://x: ENOTFOUND\n    Why   It is not in the cache\n    Fix   npm run lab -- config set --stack alice artifactSource DIR\n          (or a mirror)\n",
    );
  });

  test("shows the error message of a script instead of the script", async () => {
    const root = checkout();
    const engine = newEngine(root);
    const path = "ambientlab:cluster:Images$command:local:Command::images-pull";
    const fails = 'exit status 1: running "# Pulls\\nset -eu\\necho \\"What  no\\"\\n":\nError response from daemon\n';
    engine.steps = [{ op: "create", path, fails }];
    const plain = fakeIo({ root, engine });
    expect(await run(up, plain)).toBe(1);
    expect(plain.err()).toContain(
      'What  Command "images-pull": exit status 1:\n          Error response from daemon\n',
    );
    const problem = (name: string) =>
      `What  Cannot pull "${name}"\nWhy   The lab loads it\nFix   docker pull ${name}\n`;
    engine.steps = [{ op: "create", path, fails: `${fails}${problem("a")}Error response\n${problem("b")}` }];
    const told = fakeIo({ root, engine });
    expect(await run(up, told)).toBe(1);
    expect(told.err().match(/What .*/g)).toEqual(['What  Cannot pull "a"', 'What  Cannot pull "b"']);
  });

  test("refuses a subnet that another Docker network has, before there is a stack", async () => {
    const root = checkout({ "Pulumi.alice.yaml": "config:\n  ambient-lab:subnet: 172.30.0.0/24\n" });
    const networks = { "docker network ls": "1\toffice", "docker network inspect": "office 172.30.0.0/16 " };
    const engine = newEngine(root);
    const io = fakeIo({ root, engine, exec: fakeExec({ ...fitMachine, ...networks }) });
    expect(await run(up, io)).toBe(4);
    expect(io.err()).toContain("What  Subnet 172.30.0.0/24 overlaps with 172.30.0.0/16");
    expect(engine.calls).toEqual([]);
  });

  test("chooses a free port for a new cluster when the stack's own is taken", async () => {
    const root = checkout();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(derivedPort("alice"), "127.0.0.1", resolve));
    try {
      const io = fakeIo({ root, engine: newEngine(root) });
      expect(await run(up, io)).toBe(0);
      expect(readConfig(root, "alice").httpPort).toBeGreaterThan(derivedPort("alice"));
      expect(io.err()).toContain("The stack's own port is in use: it gets");
      expect(readConfig(root, "alice").httpsPort).toBeUndefined();
    } finally {
      taken.close();
    }
  });

  test("chooses another port than that of a paused cluster of this Docker", async () => {
    const root = checkout();
    const exec = fakeExec({
      ...fitMachine,
      "docker ps --all --filter label=io.x-k8s.kind.cluster --format {{.ID}}": "0a\n0b",
      "docker inspect --format {{index .Config.Labels": `ambient-lab-bob 41000 ${derivedPort("alice")}\nambient-lab-bob `,
    });
    const io = fakeIo({ root, exec, engine: newEngine(root) });
    expect(await run(up, io)).toBe(0);
    expect(readConfig(root, "alice").httpPort).toBeGreaterThan(derivedPort("alice"));
  });

  test("asks nothing without a terminal: a change of somebody's cluster needs --yes", async () => {
    const root = checkout();
    const cluster = await startCluster();
    const { kubeconfig } = cluster;
    const existing = { cluster: "existing", kubeconfig, context: "lab", appImage: "registry.test/a:1" };
    const own = Object.entries(existing).map(([key, value]) => `  ambient-lab:${key}: ${value}\n`);
    const config = `config:\n${own.join("")}`;
    writeFileSync(join(root, "Pulumi.alice.yaml"), config);
    const engine = newEngine(root);
    engine.onCreate = () => {};
    const io = fakeIo({ root, engine });
    expect(await run(["up", "--stack", "alice", "--no-verify"], io)).toBe(2);
    expect(io.err()).toContain("Fix   npm run up -- --stack alice --yes");
    expect(engine.calls).not.toContain("up");
    const asked: string[] = [];
    const confirm = async (question: string) => asked.push(question) > 0;
    expect(await run(["up", "--stack", "alice", "--no-verify"], fakeIo({ root, engine, confirm }))).toBe(0);
    expect(asked).toEqual([`Apply this to context "lab" of ${kubeconfig}?`]);
    await cluster.close();
  });

  test("counts what an upgrade does to the lab's callers", async () => {
    const [gateway, cluster] = [await startServer(), await startCluster()];
    gateway.answers.set("get", { body: "{}" });
    const image = "docker.io/istio/pilot:1.31.1-distroless";
    cluster.put("api/v1/namespaces/istio-system", { metadata: { labels: { "ambient-lab/stack": "alice" } } });
    cluster.put("apis/apps/v1/namespaces/istio-system/deployments/istiod", {
      spec: { template: { spec: { containers: [{ image }] } } },
    });
    const { kubeconfig } = cluster;
    const existing = { cluster: "existing", kubeconfig, context: "lab", appImage: "registry.test/a:1" };
    const own = Object.entries(existing).map(([key, value]) => `  ambient-lab:${key}: ${value}\n`);
    const root = checkout({ "Pulumi.alice.yaml": `config:\n${own.join("")}` });
    const engine = newEngine(root);
    engine.stacks = ["alice"];
    const { settings, versions } = labFacts();
    engine.stackOutputs = { ...outputs, url: gateway.url, settings: { ...settings, cluster: "existing" }, versions };
    const openLabClient = async () => await fakeWorld();
    const io = fakeIo({ root, engine, openLabClient });
    expect(await run([...up, "--config", "istioVersion=1.31.2"], io)).toBe(0);
    expect(io.err()).toContain("Istio 1.31.1 becomes 1.31.2: requests go through the gateway meanwhile");
    expect(io.err()).toMatch(/^ {2}Istio 1\.31\.1 → 1\.31\.2: \d+ requests, 0 failed, slowest answer \d\.\d s$/m);
    const again = fakeIo({ root, engine, openLabClient });
    expect(await run([...up, "--config", "istioVersion=1.31.1"], again)).toBe(0);
    expect(again.err()).not.toContain("becomes");
    engine.stackOutputs = {};
    const unfinished = fakeIo({ root, engine });
    expect(await run([...up, "--config", "istioVersion=1.31.2"], unfinished)).toBe(0);
    expect(unfinished.err()).not.toContain("becomes");
    await Promise.all([gateway.close(), cluster.close()]);
  });

  test("keeps no setting of a change that was declined", async () => {
    const settings = "config:\n  ambient-lab:faultPercent: 20 # mine\n";
    const root = checkout({ "Pulumi.alice.yaml": settings });
    const engine = newEngine(root);
    engine.stacks = ["alice"];
    const io = fakeIo({ root, engine, confirm: async () => false });
    const args = ["up", "--stack", "alice", "--preview", "--config", "faultPercent=30"];
    expect(await run(args, io)).toBe(2);
    expect(engine.calls).toEqual(["select", "preview"]);
    expect(readFileSync(join(root, "Pulumi.alice.yaml"), "utf8")).toBe(settings);
    expect(io.err()).toContain("Fix   npm run up -- --stack alice --config faultPercent=30 --yes");
  });

  test("shows the preview first on demand", async () => {
    const root = checkout();
    const engine = newEngine(root);
    engine.steps = [{ op: "create", path: policy }];
    const io = fakeIo({ root, engine });
    expect(await run([...up, "--preview"], io)).toBe(0);
    expect(engine.calls).toEqual(["create", "select", "preview", "up"]);
    expect(io.err()).toContain('Lab "alice": 1 to create');
  });
});
