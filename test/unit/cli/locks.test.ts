import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findStaleLocks } from "../../../cli/recovery/locks";
import { type Clock, realClock } from "../../../verify/eventually";
import { type Answer, checkout, fakeExec } from "./world";

describe("findStaleLocks()", () => {
  function world(owner: object | string, ps: Answer) {
    const backend = mkdtempSync(join(tmpdir(), "lab-backend-"));
    const locks = join(backend, ".pulumi/locks/organization/ambient-lab/dev");
    mkdirSync(locks, { recursive: true });
    writeFileSync(join(locks, "1.json"), typeof owner === "string" ? owner : JSON.stringify(owner));
    const io = { root: checkout(), env: { PULUMI_BACKEND_URL: `file://${backend}` }, exec: fakeExec({ "ps -p": ps }) };
    const said: string[] = [];
    const more = { say: (line: string) => void said.push(line), signal: new AbortController().signal };
    return {
      locks,
      said,
      io,
      async clear(clock?: Clock) {
        const { count, remove } = await findStaleLocks("dev", { ...io, ...more, ...(clock ? { clock } : {}) });
        remove();
        return count;
      },
    };
  }
  const here = { pid: 4711, username: "u", hostname: hostname(), timestamp: "2026-11-23T10:00:00Z" };
  const gone: Answer = { code: 1, stderr: "" };

  test("removes a lock that was cut off while it was written", async () => {
    expect(await world('{"pid": 47', gone).clear()).toBe(1);
  });
  test("waits for an engine whose command line was killed, since no process can stop it", async () => {
    const engine = "pulumi up --yes --exec-kind auto.local";
    const answers: Record<string, Answer> = {
      "ps -p 4711": `  50 ${engine}`,
      "ps -p 50": "/lib/systemd/systemd --user",
    };
    for (const alone of ["    1 ", "   50 "]) {
      const { io, said, locks, clear } = world(here, gone);
      answers["ps -p 4711"] = alone + engine;
      io.exec = fakeExec(answers);
      let now = 0;
      const sleep = async (ms: number) => {
        now += ms;
        if (now > 60_000) answers["ps -p 4711"] = gone;
      };
      expect(await clear({ ...realClock, now: () => now, sleep })).toBe(1);
      expect(now).toBeGreaterThan(60_000);
      expect(said).toEqual([expect.stringContaining("still runs (pid 4711)")]);
      expect(readdirSync(locks)).toEqual([]);
    }
  });
  test("names an abandoned engine that comes to no end, and respects one whose command line lives", async () => {
    const engine = "pulumi up --yes --exec-kind auto.local";
    let now = 0;
    const sleep = async (ms: number) => {
      now += ms * 1000;
    };
    const clock = { ...realClock, now: () => now, sleep };
    await expect(world(here, `    1 ${engine}`).clear(clock)).rejects.toThrow(/being changed by u@.*pid 4711/);
    const { io, said, clear } = world(here, gone);
    io.exec = fakeExec({ "ps -p 4711": `  50 ${engine}`, "ps -p 50": "node cli/bootstrap.cjs up" });
    await expect(clear()).rejects.toThrow(/being changed by u@.*pid 4711/);
    expect(said).toEqual([]);
  });
  test("looks at nothing in a backend without lock files", async () => {
    const { signal } = new AbortController();
    const io = { root: checkout(), env: { PULUMI_BACKEND_URL: "s3://bucket" }, exec: fakeExec({}), signal };
    expect((await findStaleLocks("dev", { ...io, say: () => {} })).count).toBe(0);
  });
});
