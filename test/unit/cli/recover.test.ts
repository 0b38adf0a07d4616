import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { interruptedReleases, openHelmReleases } from "../../../cli/recovery/helm-releases";
import { findStaleLocks, noStaleLocks } from "../../../cli/recovery/locks";
import { findOrphans } from "../../../cli/recovery/plugins";
import { recover } from "../../../cli/recovery/recover";
import { type Clock, realClock } from "../../../verify/eventually";
import { pendingCreate, recordPath, startHelmCluster, stateRelease } from "./helm-cluster";
import { checkout, FakeEngine, fakeExec } from "./world";

describe("findOrphans()", () => {
  const table = (...rows: string[]) => fakeExec({ "ps -axo": rows.join("\n") });
  test("finds plugins without an engine, and what they still run", async () => {
    const exec = table(
      "    1     0 /sbin/init",
      "   50     1 /usr/bin/pulumi up",
      "   51    50 /usr/bin/pulumi-resource-docker 127.0.0.1:1",
      "   60     1 /root/.pulumi/plugins/x/pulumi-resource-command 127.0.0.1:2",
      "   61    60 /bin/sh -c kind create",
      "   62     1 pulumi-resource-kubernetes 127.0.0.1:2",
      "   63     1 tail -f pulumi-resource-kubernetes.log",
      "   64     1 kind create cluster --name ambient-lab-dev --image kindest/node",
      "   65     1 kind create cluster --name ambient-lab-other --image kindest/node",
      "   66    67 kind create cluster --name ambient-lab-dev --image kindest/node",
      "   67    68 /bin/sh -c # Makes the cluster",
      "   68    50 pulumi-resource-command 127.0.0.1:1",
    );
    expect(await findOrphans(exec, "ambient-lab-dev")).toEqual([
      { pid: 60, program: "pulumi-resource-command", busy: true },
      { pid: 62, program: "pulumi-resource-kubernetes", busy: false },
      { pid: 64, program: "kind", busy: true },
    ]);
  });

  test("takes a plugin among processes whose parents form a circle for an orphan", async () => {
    const exec = table("   60    61 pulumi-resource-command 127.0.0.1:2", "   61    60 sh", "   62    62 sh");
    expect(await findOrphans(exec, "c")).toEqual([{ pid: 60, program: "pulumi-resource-command", busy: true }]);
  });
});

const revision = (release: string, status: string) => ({
  ...{ release, status, namespace: "istio-system", ageMs: 0, version: { uid: "u", resourceVersion: "1" } },
  secret: `sh.helm.release.v1.${release}.v1`,
});

describe("interruptedReleases()", () => {
  const state = { resources: [stateRelease("istiod")], pending: [pendingCreate("ztunnel"), pendingCreate("cni")] };
  const names = (...revisions: ReturnType<typeof revision>[]) =>
    interruptedReleases(revisions, state).map(({ release, status }) => `${release} ${status}`);
  test("takes unfinished ones, and finished ones that the state does not know", () => {
    expect(
      names(revision("istiod", "pending-upgrade"), revision("istiod", "deployed"), revision("ztunnel", "deployed")),
    ).toEqual(["istiod pending-upgrade", "ztunnel deployed"]);
  });
  test("leaves the releases of others alone", () => {
    expect(names(revision("mine", "deployed"), revision("mine", "pending-install"))).toEqual([]);
    expect(names(revision("cni", "pending-install"))).toEqual(["cni pending-install"]);
  });
});

describe("recover()", () => {
  let close = () => {};
  afterEach(() => close());
  /** An API server that knows Helm's Secrets; every list after the first `installing` finds them deployed. */
  async function cluster(installing: number) {
    let lists = 0;
    const started = await startHelmCluster(() => {
      lists += 1;
      return [{ release: "ztunnel", status: lists <= installing ? "pending-install" : "deployed" }];
    });
    close = started.close;
    return started;
  }
  /** A backend folder with the lock of an engine of this machine that died. */
  async function deadEngine() {
    const backend = mkdtempSync(join(tmpdir(), "lab-backend-"));
    const folder = join(backend, ".pulumi/locks/organization/ambient-lab/dev");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "dead.json"), JSON.stringify({ pid: 4711, username: "u", hostname: hostname() }));
    const io = { root: checkout(), env: { PULUMI_BACKEND_URL: `file://${backend}` }, signal };
    const locks = await findStaleLocks("dev", {
      ...io,
      exec: fakeExec({ "ps -p": { code: 1, stderr: "" } }),
      say: () => {},
    });
    return { locks, folder };
  }
  const { signal } = new AbortController();
  const none = async () => undefined;
  const noTime: Clock = { ...realClock, now: () => 0, sleep: async () => undefined };
  const options = (engine: FakeEngine, said: string[], ps = "") => ({
    ...{ engine, stack: "dev", locks: noStaleLocks, fileBackend: true, clock: noTime, onEvent: () => {} },
    ...{ exec: fakeExec({ "ps -axo": ps }), signal },
    say: (line: string) => void said.push(line),
  });

  test("does nothing to a healthy stack", async () => {
    const engine = new FakeEngine();
    const said: string[] = [];
    await recover({ ...options(engine, said), openReleases: none });
    expect([engine.calls, said]).toEqual([[], []]);
  });

  test("waits for the dead engine's plugins, removes the record of what they finished, reads the state back", async () => {
    const { deleted, address } = await cluster(2);
    const engine = new FakeEngine();
    engine.stackState = { resources: [], pending: [pendingCreate("ztunnel")] };
    const said: string[] = [];
    const { locks, folder } = await deadEngine();
    await recover({
      ...options(engine, said, "  62     1 pulumi-resource-kubernetes 127.0.0.1:2"),
      openReleases: () => openHelmReleases(address),
      locks,
    });
    expect(deleted).toEqual([recordPath("ztunnel")]);
    expect(readdirSync(folder)).toEqual([]);
    expect(engine.calls).toEqual(["refresh"]);
    expect(said[0]).toContain("Waiting for plugins");
    expect(said[1]).toContain('Helm release "ztunnel" was left deployed');
  });

  // checkForLock() of pulumi/pulumi v3.259.0, pkg/backend/diy/lock.go: an engine refuses a stack with any other lock file.
  test("keeps the lock of a dead engine until its plugins ended, so that no engine starts meanwhile", async () => {
    const { deleted, address } = await cluster(60);
    const engine = new FakeEngine();
    engine.stackState = { resources: [], pending: [pendingCreate("ztunnel")] };
    const { locks, folder } = await deadEngine();
    let now = 0;
    const left: string[][] = [];
    const sleep = async () => {
      now += 120_000;
      left.push(readdirSync(folder));
    };
    const waiting = recover({
      ...options(engine, [], "  62     1 pulumi-resource-kubernetes 127.0.0.1:2"),
      ...{ locks, clock: { ...realClock, now: () => now, sleep }, openReleases: () => openHelmReleases(address) },
    });
    await expect(waiting).rejects.toThrow("Plugins of a killed run are still active");
    expect([...left, readdirSync(folder)]).toEqual(Array(left.length + 1).fill(["dead.json"]));
    expect([deleted, engine.calls]).toEqual([[], []]);
  });

  test("deletes no record once another engine has taken the stack", async () => {
    const { deleted, address } = await cluster(60);
    const engine = new FakeEngine();
    engine.stackState = { resources: [], pending: [pendingCreate("ztunnel")] };
    const { locks, folder } = await deadEngine();
    const openReleases = async () => {
      rmSync(join(folder, "dead.json"));
      writeFileSync(join(folder, "live.json"), "{}");
      return openHelmReleases(address);
    };
    const late = recover({ ...options(engine, []), locks, openReleases });
    await expect(late).rejects.toThrow('Stack "dev" is being changed by another engine');
    expect([deleted, engine.calls, readdirSync(folder)]).toEqual([[], [], ["live.json"]]);
  });

  test("forgets what is pending when no cluster answers", async () => {
    const { address } = await cluster(0);
    close();
    const engine = new FakeEngine();
    engine.stackState = { resources: [], pending: [pendingCreate("ztunnel")] };
    expect(await openHelmReleases(address)).toBeUndefined();
    await recover({ ...options(engine, []), openReleases: () => openHelmReleases(address) });
    expect(engine.calls).toEqual(["takeLock", "forgetPending"]);
  });

  test("gives up on plugins that never end, and names them", async () => {
    let now = 0;
    const clock: Clock = { ...realClock, now: () => (now += 60_000), sleep: async () => undefined };
    const ps = " 60 1 pulumi-resource-command 127.0.0.1:2\n 61 60 /bin/sh -c kind create";
    const { locks } = await deadEngine();
    const stuck = recover({ ...options(new FakeEngine(), [], ps), clock, locks, openReleases: none });
    await expect(stuck).rejects.toThrow(/pulumi-resource-command \(pid 60\)[\s\S]*kill 60/);
  });
});
