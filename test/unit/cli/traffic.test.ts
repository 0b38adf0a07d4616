import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { summarise, summaryLines } from "../../../cli/commands/traffic";
import { run } from "../../../cli/run";
import { type SampleAnswer, sendTraffic } from "../../../cli/traffic";
import { FakeClock } from "../verify/fake/clock";
import { labFacts } from "../verify/fake/facts";
import { FakeEngine, fakeIo, ownLabHome } from "./world";

ownLabHome();
const plan = { path: "/headers", method: "GET", rate: 2, forMs: 5_000 };

describe("sendTraffic()", () => {
  test("keeps its rate although answers are slow, and ends", async () => {
    const clock = new FakeClock();
    const { signal } = new AbortController();
    const begun = clock.now();
    const send = async () => {
      await clock.sleep(2_000, signal);
      return { status: 200 };
    };
    const answers = await sendTraffic(plan, send, () => undefined, { signal, clock });
    expect(answers.map(({ atMs }) => atMs)).toEqual([0, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500]);
    expect(answers.every(({ ms }) => ms === 2_000)).toBe(true);
    expect(clock.now() - begun).toBe(6_500);
  });

  test("ends at once when it is interrupted, with what was answered by then", async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const send = async () => ({ status: 200 });
    const seen: SampleAnswer[] = [];
    const onShot = (shot: SampleAnswer) => {
      seen.push(shot);
      if (seen.length === 3) controller.abort();
    };
    expect(await sendTraffic(plan, send, onShot, { signal: controller.signal, clock })).toHaveLength(3);
  });

  test("counts a request without an answer", async () => {
    const clock = new FakeClock();
    const { signal } = new AbortController();
    const send = async () => Promise.reject(new Error("ECONNREFUSED"));
    const answers = await sendTraffic({ ...plan, forMs: 1_000 }, send, () => undefined, { signal, clock });
    expect(summarise(answers, 2_000).statuses).toEqual({ none: 2 });
  });
});

describe("summarise()", () => {
  const answers = [4, 5, 6, 7, 8, 9, 10, 2001, 2002, 2003].map((ms, n) => ({
    atMs: n,
    status: n === 3 ? 403 : 200,
    ms,
  }));

  test("shows the share of delayed requests, and the measured percentiles", () => {
    expect(summarise(answers, 2_000)).toEqual({
      ...{ count: 10, statuses: { 200: 9, 403: 1 }, slow: 3, delayMs: 2_000 },
      ...{ p50Ms: 8, p95Ms: 2003, longestMs: 2003 },
    });
  });

  test("says it in three lines", () => {
    expect(summaryLines(summarise(answers, 2_000))).toEqual([
      "10 requests: 9 × 200, 1 × 403",
      "3 of them (30 %) took 2000 ms or longer",
      "half within 8 ms, 95 % within 2003 ms, the slowest 2003 ms",
    ]);
  });
});

describe("lab traffic", () => {
  test("sends to the lab's gateway under appb's name, and sums up as JSON", async () => {
    const hosts: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      hosts.push(`${request.method} ${request.headers.host}${request.url}`);
      response.end("{}");
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const { settings, kubeconfig, context, versions } = labFacts();
    const engine = new FakeEngine(["dev"]);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    engine.stackOutputs = { url, kubeconfig, context, versions, settings: { ...settings, cluster: "kind" } };
    const io = fakeIo({ engine });
    expect(await run(["traffic", "--rate", "100", "--for", "30ms", "--path", "/get", "--json"], io)).toBe(0);
    expect(hosts).toEqual(Array(3).fill("GET appb.opssec.in/get"));
    expect(JSON.parse(io.out())).toMatchObject({ stack: "dev", count: 3, statuses: { 200: 3 }, slow: 0 });
    expect(io.err()).toMatch(/0\.0 s {2}200 +\d+ ms {2}█/);
    server.close();
    expect(await run(["traffic", "--rate", "100", "--for", "20ms", "--quiet"], fakeIo({ engine }))).toBe(1);
  });

  test.each([
    [["--rate", "0"], "a number from 0.1 to 100"],
    [["--for", "30"], "a time with its unit"],
    [["--path", "headers"], 'begins with "/"'],
  ])("refuses %j", async (args, words) => {
    const io = fakeIo();
    expect(await run(["traffic", ...args], io)).toBe(2);
    expect(io.err()).toContain(words);
  });
});
