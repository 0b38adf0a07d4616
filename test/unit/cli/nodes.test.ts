import { describe, expect, test } from "vitest";
import { startNodes } from "../../../cli/nodes";
import { Progress } from "../../../cli/progress";
import { parseConfig } from "../../../config";
import { type Answer, fakeExec, fakeIo } from "./world";

const cluster = "ambient-lab-dev";
const stopped: Record<string, Answer> = {
  "docker ps --all --filter label=io.x-k8s.kind.cluster=ambient-lab-dev --format {{.State}}": `running ${cluster}\nexited ${cluster}`,
  "docker ps --all --filter label=io.x-k8s.kind.cluster=ambient-lab-dev --format {{.Names}}": `${cluster}-control-plane running\n${cluster}-worker exited`,
  "docker start": "",
  "docker exec": "node/x condition met",
};

function world(answers: Record<string, Answer>) {
  const exec = fakeExec(answers);
  const io = fakeIo({ exec });
  let now = 0;
  const sleep = async (ms: number) => {
    now += ms;
  };
  const clock = { now: () => now, sleep };
  const session = { io, stack: "dev", config: parseConfig({}), progress: new Progress(io) };
  return { exec, io, start: () => startNodes(session, clock) };
}

describe("startNodes()", () => {
  test("starts the containers that are stopped, no others, and waits for the nodes", async () => {
    const { exec, io, start } = world(stopped);
    await start();
    expect(exec.calls.filter((call) => call.startsWith("docker start"))).toEqual([`docker start ${cluster}-worker`]);
    expect(exec.calls.at(-1)).toContain("wait --for=condition=Ready nodes --all");
    expect(io.err()).toContain(`Node container "${cluster}-worker" is exited: it is started again`);
  });
  test("does nothing to a cluster that runs, or that is not there", async () => {
    for (const nodes of ["", `running ${cluster}`]) {
      const { exec, start } = world({ "docker ps": nodes });
      await start();
      expect(exec.calls).toHaveLength(1);
    }
  });
  test("says which container Docker cannot start", async () => {
    const { start } = world({ ...stopped, "docker start": { code: 1, stderr: "Error: port is already allocated" } });
    await expect(start()).rejects.toThrow(/Docker cannot start "ambient-lab-dev-worker": .*already allocated/);
  });
  test("gives up on nodes that never become Ready", async () => {
    const { start } = world({ ...stopped, "docker exec": { code: 1, stderr: "timed out" } });
    await expect(start()).rejects.toThrow(/did not become Ready/);
  });
});
