import { describe, expect, it } from "vitest";
import { verifyLab } from "../../../verify";
import { labTimings } from "../../../verify/context";
import { rotatedLines } from "../../../verify/kube";
import { LogReader } from "../../../verify/logs/log-reader";
import { logLimit } from "../../../verify/probe/records";
import { accessLine } from "./fake/lines";
import { fakeWorld } from "./fake/world";

const { signal } = new AbortController();

async function book() {
  const lab = await fakeWorld();
  const { state } = lab;
  const found = state.podOf("waypoint");
  if (!found) throw new Error("The fake lab has no waypoint");
  const pod = { namespace: found.namespace, name: found.name, container: "istio-proxy" };
  const write = (path: string) => {
    const fields = { method: "GET", status: 200, flags: "-", details: "via_upstream", durationMs: 1, id: path };
    state.log(found, (stamp) => accessLine({ ...fields, stamp, path, authority: "a", upstream: "u", cluster: "c" }), 0);
  };
  const logs = new LogReader(lab, state.clock, signal);
  /** Paths of the requests that the book knows of, after a while. */
  const paths = async () => {
    await state.clock.sleep(1_000, signal);
    const read = await logs.read(pod);
    return "unavailable" in read ? read.unavailable : read.requests.map(({ path }) => path);
  };
  const rotate = () => state.rotations.set(pod.name, state.logs.get(pod.name)?.length ?? 0);
  return { lab, logs, pod, write, paths, rotate };
}

describe("LogReader", () => {
  it("returns the lines since it was opened, and no older ones", async () => {
    const { logs, pod, write, paths } = await book();
    write("/old");
    await logs.open([pod]);
    write("/one");
    expect(await paths()).toEqual(["/one"]);
    write("/two");
    expect(await paths()).toEqual(["/one", "/two"]);
  });

  it("misses no line when the log is rotated between two reads", async () => {
    const { logs, pod, write, paths, rotate } = await book();
    write("/old");
    await logs.open([pod]);
    write("/before");
    rotate();
    write("/after");
    expect(await paths()).toEqual(["/before", "/after"]);
  });

  it("reports lost lines, instead of returning fewer lines", async () => {
    const { lab, logs, pod, write, paths, rotate } = await book();
    write("/old");
    await logs.open([pod]);
    write("/before");
    rotate();
    write("/after");
    lab.rotatedLogs = async () => ["2026-01-01T00:00:00.000000000Z another file"];
    expect(await paths()).toMatch(/^logs of waypoint-.*: the log was rotated, and earlier lines of this run are lost/);
  });

  it("reads the log of a pod that came later from the run's begin on, by the cluster's clock", async () => {
    const { lab, write, paths } = await book();
    lab.state.skewMs = 600_000;
    write("/early");
    expect(await paths()).toEqual(["/early"]);
  });

  it("does not fail a healthy lab whose logs are rotated all the time", async () => {
    const { lab } = await book();
    const { state } = lab;
    const logs = lab.logs;
    lab.logs = async (target, since, abort) => {
      const lines = await logs(target, since, abort);
      const written = state.logs.get(target.name)?.filter(({ at }) => at <= state.clock.now()) ?? [];
      state.rotations.set(target.name, Math.max(1, written.length) - 1);
      return lines;
    };
    const report = await verifyLab(state.facts, { lab, clock: state.clock });
    expect(report.results.filter(({ verdict }) => verdict !== "pass").map(({ id }) => id)).toEqual([]);
  });
});

describe("logLimit()", () => {
  const bench = { timings: labTimings };
  it.each([
    ["quick answers", [{ status: 200, seconds: 0.01 }], 5_000],
    [
      "slow answers",
      [
        { status: 200, seconds: 1.5 },
        { status: 403, seconds: 9 },
      ],
      15_000,
    ],
    ["a sample of which half is slow", [0.01, 2, 2.5].map((seconds) => ({ status: 200, seconds })), 20_000],
    ["very slow answers", [{ status: 200, seconds: 12 }], 30_000],
    ["no answers", [{ status: 0, seconds: 14 }], 5_000],
  ])("after %s", (_name, answers, limit) => {
    expect(logLimit(bench, answers)).toBe(limit);
  });
});

describe("rotatedLines()", () => {
  const folder = "/api/v1/nodes/node-1/proxy/logs/pods/default_waypoint-1_u-1/istio-proxy";
  const answers: Record<string, string> = {
    "/api/v1/namespaces/default/pods/waypoint-1": '{"metadata":{"uid":"u-1"},"spec":{"nodeName":"node-1"}}',
    [`${folder}/`]:
      '<pre><a href="0.log">0.log</a>\n<a href="0.log.20261123-230636.gz">x</a>\n<a href="0.log.20261123-231247">y</a></pre>',
    [`${folder}/0.log.20261123-231247`]:
      "2026-11-23T23:12:47.4311Z stderr F one\n2026-11-23T23:12:48Z stdout F \n2026-11-23T23:12:49.431143546Z stdout F a  b\n",
  };
  const get = async (path: string) => ({ status: 200, headers: {}, seconds: 0, body: answers[path] ?? "not found" });

  it("are those of the file that the kubelet rotated last, as the API server would show them", async () => {
    const pod = { namespace: "default", name: "waypoint-1", container: "istio-proxy" };
    expect(await rotatedLines(get, pod)).toEqual([
      "2026-11-23T23:12:47.431100000Z one",
      "2026-11-23T23:12:48.000000000Z ",
      "2026-11-23T23:12:49.431143546Z a  b",
    ]);
  });
});
