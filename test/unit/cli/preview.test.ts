import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiffKind } from "@pulumi/pulumi/automation/events";
import { describe, expect, test } from "vitest";
import { PreviewCollector, previewText } from "../../../cli/preview";
import { run } from "../../../cli/run";
import { checkout, eventsOf, FakeEngine, type FakeStep, fakeIo, ownLabHome } from "./world";

ownLabHome();

const cluster = "ambientlab:cluster:KindCluster::cluster";
const policies = "ambientlab:mesh:Policies::policies";
const l7 = "ambientlab:mesh:Policies$kubernetes:security.istio.io/v1:AuthorizationPolicy::policies-appb-l7";
const kind = "ambientlab:cluster:KindCluster$command:local:Command::cluster-kind";
const metadata = { name: "appb-l7" };
const principals = (...names: string[]) => ({
  metadata,
  spec: { rules: [{ from: [{ source: { principals: names } }] }] },
});

function text(steps: readonly FakeStep[]): string {
  const collector = new PreviewCollector();
  for (const event of eventsOf(steps)) collector.add(event);
  return previewText(collector.model("dev"));
}

describe("previewText()", () => {
  test("shows a new lab by component", () => {
    const release = (name: string): FakeStep => ({
      op: "create",
      path: `ambientlab:mesh:IstioAmbient$kubernetes:helm.sh/v3:Release::istio-${name}`,
      parent: "ambientlab:mesh:IstioAmbient::istio",
    });
    expect(
      text([
        { op: "create", path: "pulumi:pulumi:Stack::ambient-lab-dev" },
        { op: "create", path: cluster },
        { op: "create", path: kind, parent: cluster },
        { op: "create", path: "pulumi:providers:kubernetes::kubernetes" },
        { op: "create", path: "ambientlab:mesh:IstioAmbient::istio" },
        ...["base", "istiod", "cni", "ztunnel"].map(release),
        { op: "create", path: policies },
        { op: "create", path: l7, parent: policies, new: principals("appa") },
      ]),
    ).toMatchInlineSnapshot(`
      "Lab "dev": 6 to create
      + cluster   Command kind
      + istio     Release base, istiod, cni, ztunnel
      + policies  AuthorizationPolicy appb-l7
      "
    `);
  });

  test("shows the removed items of a list instead of the changed indexes", () => {
    const path = "spec.rules[0].from[0].source.principals";
    expect(
      text([
        { op: "update", path: policies },
        {
          ...{ op: "update", path: l7, parent: policies },
          old: principals("cluster.local/ns/default/sa/appa", "cluster.local/ns/default/sa/gateway-istio"),
          new: principals("cluster.local/ns/default/sa/gateway-istio"),
          detailedDiff: {
            [`${path}[0]`]: { diffKind: DiffKind.update, inputDiff: false },
            [`${path}[1]`]: { diffKind: DiffKind.delete, inputDiff: false },
          },
        },
      ]),
    ).toBe(
      `Lab "dev": 1 to update\n~ policies  AuthorizationPolicy appb-l7  ${path}: - cluster.local/ns/default/sa/appa\n`,
    );
  });

  test("shows a plain value as old → new, and one that is known only after the update", () => {
    const fault = "ambientlab:mesh:Policies$kubernetes:networking.istio.io/v1:VirtualService::policies-appb-fault";
    const spec = (value: number) => ({
      metadata: { name: "appb-fault" },
      spec: { http: [{ fault: { delay: { value } } }] },
    });
    const changed = { diffKind: DiffKind.update, inputDiff: false };
    expect(
      text([
        {
          ...{ op: "update", path: fault, parent: policies, old: spec(50), new: spec(20) },
          detailedDiff: { "spec.http[0].fault.delay.value": changed },
        },
        {
          ...{ op: "update", path: "command:local:Command::load" },
          old: { environment: { "IMAGE.ID": "sha256:1" } },
          new: { environment: { "IMAGE.ID": "04da6b54-80e4-46f7-96ec-b56ff0331ba9" } },
          detailedDiff: { 'environment["IMAGE.ID"]': changed },
        },
      ]),
    ).toBe(
      [
        'Lab "dev": 2 to update',
        "~ policies  VirtualService appb-fault  spec.http[0].fault.delay.value: 50 → 20",
        '~ load      Command load  environment["IMAGE.ID"]: sha256:1 → known afterwards',
        "",
      ].join("\n"),
    );
  });

  test("says that the cluster is made anew, why, and only once", () => {
    const steps = (op: FakeStep["op"]): FakeStep => ({
      ...{ op, path: kind, parent: cluster, old: { triggers: ["img", 2] }, new: { triggers: ["img", 1] } },
      detailedDiff: { "triggers[1]": { diffKind: DiffKind.updateReplace, inputDiff: false } },
    });
    expect(text([steps("delete-replaced"), steps("replace"), steps("create-replacement")])).toBe(
      [
        'Lab "dev": 1 to replace',
        "  The cluster is replaced, with everything in it.",
        "± cluster  Command kind  because of triggers: 2 → 1",
        "",
      ].join("\n"),
    );
  });

  test("says so when nothing changes", () => {
    expect(
      text([
        { op: "same", path: policies },
        { op: "same", path: l7, parent: policies },
      ]),
    ).toBe('Lab "dev": nothing to change, 1 as they are\n');
  });
});

describe("preview", () => {
  test("makes a stack for the moment and takes it away again", async () => {
    const root = checkout();
    const engine = new FakeEngine();
    engine.onCreate = () => writeFileSync(join(root, "Pulumi.alice.yaml"), "encryptionsalt: v1:abc\n");
    const io = fakeIo({ root, engine });
    expect(await run(["preview", "--stack", "alice"], io)).toBe(0);
    expect(engine.calls).toEqual(["create", "preview", "remove"]);
    expect(existsSync(join(root, "Pulumi.alice.yaml"))).toBe(false);
  });

  test("shows the changes of other settings, and does not change those of the stack", async () => {
    const root = checkout();
    const own = "# mine\nencryptionsalt: v1:abc\nconfig:\n  ambient-lab:workers: 3\n";
    writeFileSync(join(root, "Pulumi.dev.yaml"), own);
    const engine = new FakeEngine(["dev"]);
    const io = fakeIo({ root, engine });
    expect(await run(["preview", "--stack", "dev", "--config", "faultPercent=30", "addons=[]"], io)).toBe(0);
    expect(engine.previewed).toBe(`${own}  ambient-lab:faultPercent: 30\n  ambient-lab:addons: []\n`);
    expect(readFileSync(join(root, "Pulumi.dev.yaml"), "utf8")).toBe(own);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("ambient-lab-preview-"))).toEqual([]);
  });

  test("shows them for a stack that does not exist, with a temporary salt", async () => {
    const root = checkout();
    const engine = new FakeEngine();
    engine.onCreate = () => writeFileSync(join(root, "Pulumi.alice.yaml"), "encryptionsalt: v1:abc\n");
    const io = fakeIo({ root, engine });
    expect(await run(["preview", "--stack", "alice", "--config", "workers=3"], io)).toBe(0);
    expect(engine.previewed).toMatch(/encryptionsalt: v1:abc\nconfig:\n\s+ambient-lab:workers: 3\n/);
    expect(existsSync(join(root, "Pulumi.alice.yaml"))).toBe(false);
  });

  test("refuses settings that are wrong before it starts anything", async () => {
    const engine = new FakeEngine(["dev"]);
    const io = fakeIo({ engine });
    expect(await run(["preview", "--stack", "dev", "--config", "faultPercent=130"], io)).toBe(2);
    expect(io.err()).toContain("faultPercent");
    expect(engine.calls).toEqual([]);
  });

  test("passes the engine's own diff through, and answers in JSON", async () => {
    const engine = new FakeEngine(["dev"]);
    engine.steps = [{ op: "create", path: l7, parent: policies, new: principals("appa") }];
    const diff = fakeIo({ engine });
    expect(await run(["preview", "--stack", "dev", "--diff"], diff)).toBe(0);
    expect(diff.out()).toBe("the engine's own words\n");
    const json = fakeIo({ engine });
    expect(await run(["preview", "--stack", "dev", "--json"], json)).toBe(0);
    expect(JSON.parse(json.out())).toMatchObject({
      stack: "dev",
      counts: { create: 1 },
      components: [
        { component: "policies", resources: [{ change: "create", kind: "AuthorizationPolicy", name: "appb-l7" }] },
      ],
    });
    expect(engine.calls).toEqual(["preview", "preview"]);
  });
});
