import { describe, expect, test } from "vitest";
import { startNodes, stopNodes } from "../../../cli/stack/nodes";
import { Progress } from "../../../cli/terminal/progress";
import { parseConfig } from "../../../config/load";
import { realClock } from "../../../verify/eventually";
import { type Answer, fakeExec, fakeIo } from "./world";

const cluster = "ambient-lab-dev";
const ps = "docker ps --all --filter label=io.x-k8s.kind.cluster=ambient-lab-dev --format";
const [made, restarted] = ["2026-11-23T08:00:00.5Z", "2026-11-23T10:00:00.5Z"];

/** A machine with a control plane and a worker; they report Ready at `heard`. */
function machine(worker: string, heard: string, start = restarted, created = made): Record<string, Answer> {
  const names = [`${cluster}-control-plane`, `${cluster}-worker`];
  return {
    [`${ps} {{.State}}`]: `running ${cluster}\n${worker} ${cluster}`,
    [`${ps} {{.Names}}`]: `${names[1]} ${worker}\n${names[0]} running`,
    "docker inspect": names.map((name) => `/${name} ${created} ${start}`).join("\n"),
    ...{ "docker start": "", "docker unpause": "", "docker stop": "" },
    "docker exec": names.map((name) => `${name} True ${heard}`).join("\n"),
  };
}

function world(answers: Record<string, Answer>, at = restarted) {
  const exec = fakeExec(answers);
  let now = Date.parse(at);
  const sleep = async (ms: number) => {
    now += ms;
  };
  const io = fakeIo({ exec, clock: { ...realClock, now: () => now, sleep } });
  const session = { io, stack: "dev", config: parseConfig({}), progress: new Progress(io) };
  const did = (verb: string) => exec.calls.filter((call) => call.startsWith(`docker ${verb} `));
  return { did, io, start: () => startNodes(session), stop: () => stopNodes(session) };
}

describe("startNodes()", () => {
  test("starts the containers that are stopped, no others, and waits for the nodes", async () => {
    const { did, io, start } = world(machine("exited", "2026-11-23T10:00:05Z"));
    expect(await start()).toBe(true);
    expect(did("start")).toEqual([`docker start ${cluster}-worker`]);
    expect(did("exec")).toHaveLength(1);
    expect(io.err()).toContain(`Node container "${cluster}-worker" is exited: it is started again`);
  });
  test("does not believe a Ready that a node reported before it was started", async () => {
    const { did, start } = world(machine("exited", "2026-11-23T09:59:59Z"));
    await expect(start()).rejects.toThrow(/did not become Ready/);
    expect(did("exec").length).toBeGreaterThan(2);
  });
  test("waits for nodes that Docker itself started moments ago, and not for those it started long ago", async () => {
    const nodes = machine("running", "2026-11-23T10:00:05Z");
    const [moments, hours] = [world(nodes, "2026-11-23T10:01:00Z"), world(nodes, "2026-11-23T13:00:00Z")];
    expect(await moments.start()).toBe(true);
    expect(moments.did("exec")).toHaveLength(1);
    expect(await hours.start()).toBe(false);
    expect([...hours.did("start"), ...hours.did("exec")]).toEqual([]);
  });
  test("takes a cluster that was just made for what it is", async () => {
    const { did, start } = world(machine("running", "", made), "2026-11-23T08:00:20Z");
    expect(await start()).toBe(false);
    expect(did("exec")).toEqual([]);
  });
  test("does nothing to a cluster that is not there, or not the stack's", async () => {
    for (const nodes of ["", "exited kind"]) {
      const { did, start } = world({ "docker ps": nodes });
      expect(await start()).toBe(false);
      expect(did("start")).toEqual([]);
    }
  });
  test("says which container Docker cannot start", async () => {
    const refused: Answer = { code: 1, stderr: "Error: port is already allocated" };
    const { start } = world({ ...machine("exited", ""), "docker start": refused });
    await expect(start()).rejects.toThrow(/Docker cannot start "ambient-lab-dev-worker": .*already allocated/);
  });
  test("gives up on nodes that never become Ready", async () => {
    const { start } = world({ ...machine("exited", ""), "docker exec": { code: 1, stderr: "timed out" } });
    await expect(start()).rejects.toThrow(/did not become Ready/);
  });
});

describe("stopNodes()", () => {
  test("stops the workers first, then the control plane, and nothing twice", async () => {
    const running = world(machine("running", ""));
    expect(await running.stop()).toEqual([`${cluster}-control-plane`, `${cluster}-worker`]);
    expect(running.did("stop")).toEqual([
      `docker stop -t 30 ${cluster}-worker`,
      `docker stop -t 30 ${cluster}-control-plane`,
    ]);
    const half = world(machine("exited", ""));
    await half.stop();
    expect(half.did("stop")).toEqual([`docker stop -t 30 ${cluster}-control-plane`]);
  });
  test("says which container Docker cannot stop", async () => {
    const { stop } = world({ ...machine("running", ""), "docker stop": { code: 1, stderr: "is zombie" } });
    await expect(stop()).rejects.toThrow(/Docker cannot stop ambient-lab-dev-worker: is zombie/);
  });
});
