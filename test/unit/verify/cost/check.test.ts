import { describe, expect, test } from "vitest";
import { annotationKeys } from "../../../../config/vocabulary";
import { costPaths, numbers, scaled } from "../../../../modules/cost/objects";
import { type VerifyOptions, verifyLab } from "../../../../verify";
import { secondsOf } from "../../../../verify/cost/latency";
import { requestKinds } from "../../../../verify/cost/load";
import { costSchema } from "../../../../verify/cost/schema";
import { at } from "../../../../verify/json";
import { edit } from "../fake/breaks";
import { type FakeWorld, fakeWorld } from "../fake/world";

const world = () => fakeWorld({ modules: ["cost"] });
/** Duration of a load of a round, in seconds, with HTTP on kept and on new connections. */
const seconds = secondsOf(requestKinds(["cost"]));

async function measure(lab: FakeWorld, options: VerifyOptions = {}) {
  const { results } = await verifyLab(lab.state.facts, { lab, clock: lab.state.clock, only: ["cost"], ...options });
  const [result] = results;
  if (!result) throw new Error("No result");
  const finding = result.findings.find(({ verdict }) => verdict === result.verdict);
  return { ...result, seen: finding?.seen ?? "" };
}

/** The Deployments that grow, without what every write changes. */
const growing = ({ state }: FakeWorld) =>
  scaled.map((object) => {
    const { metadata, spec, status } = state.get(object.replace("/", "/default/"));
    return { labels: metadata?.labels, annotations: metadata?.annotations, spec, replicas: at(status, "replicas") };
  });

/** Largest number of replicas that was asked for. */
const asked = ({ patches }: FakeWorld) =>
  patches
    .flat()
    .flatMap(({ path, value }) => (path === "/spec/replicas" ? [Number(value)] : []))
    .reduce((most, each) => Math.max(most, each), 0);

describe("the measurement on a healthy lab", () => {
  test("passes, with a result that is read again as it was written, and leaves nothing behind", async () => {
    const lab = await world();
    const before = structuredClone(growing(lab));
    const result = await measure(lab);
    expect(result.verdict, result.seen).toBe("pass");
    const found = result.findings.flatMap(({ cost }) => cost ?? []);
    expect(found).toHaveLength(1);
    const cost = costSchema.parse(JSON.parse(JSON.stringify(found[0])));
    expect(cost.latency).toHaveLength(8);
    const added = cost.latency.flatMap(({ connections, added }) =>
      connections === "kept" && added ? [added.p50] : [],
    );
    expect(added.map(({ median }) => median)).toEqual([...added.map(({ median }) => median)].sort((a, b) => a - b));
    for (const { low, median, high } of added) expect([low, median, high]).toEqual([low, median, high].sort());
    // The CPU time that the fake proxies take for a request: two ztunnels at 40 µs, an Envoy 200 µs.
    expect(cost.latency.slice(0, 4).map(({ cpu }) => Math.round(cpu.median))).toEqual([0, 80, 280, 400]);
    expect(cost.growth.map(({ pods }) => pods)).toEqual(numbers.growth.pods);
    expect(asked(lab)).toBe(numbers.growth.pods.at(-1));
    expect(growing(lab)).toEqual(before);
    expect(lab.state.pods.filter(({ role }) => role.startsWith("cost-growth"))).toEqual([]);
  });
});

describe("with the module grpc", () => {
  const withGrpc = () => fakeWorld({ modules: ["cost", "grpc"] });

  test("calls by gRPC are measured on each path", async () => {
    const result = await measure(await withGrpc());
    expect(result.verdict, result.seen).toBe("pass");
    const [cost] = result.findings.flatMap(({ cost }) => cost ?? []);
    const grpc = cost?.latency.filter(({ protocol }) => protocol === "grpc");
    expect(grpc?.map(({ path, requests }) => [path, requests])).toEqual(costPaths.map((path) => [path, 900]));
    expect(grpc?.map(({ cpu }) => Math.round(cpu.median))).toEqual([0, 80, 280, 400]);
  });

  test.each(["ztunnel", "waypoint"])(
    "those of path %s are no pass where they do not go through ztunnel as HTTP does",
    async (path) => {
      const lab = await withGrpc();
      const logs = lab.logs;
      // ztunnel, src/proxy/metrics.rs: the port in the tunnel is that of the server.
      const ofCalls = (line: string) =>
        line.includes(`dst.service="cost-${path}.`) && /dst\.hbone_addr=\S+:5000 /.test(line);
      lab.logs = async (...asked) => (await logs(...asked)).filter((line) => !ofCalls(line));
      expect(await measure(lab)).toMatchObject({
        ...{ verdict: "fail", layer: path },
        seen: "the log of the ztunnel of the client has 0 lines of 50 requests by gRPC on kept connections",
      });
    },
  );

  test("a policy that refuses them is no pass, although the status of HTTP is 200", async () => {
    const lab = await withGrpc();
    edit(
      "AuthorizationPolicy/default/cost-waypoint-l7",
      ["spec", "rules", 0, "to"],
      [{ operation: { methods: ["GET"] } }],
    )(lab.state);
    expect(await measure(lab)).toMatchObject({ verdict: "fail", layer: "waypoint" });
  });
});

describe("the measurement is no pass", () => {
  test("where a request of a round fails, and names path and round", async () => {
    const lab = await world();
    // A round has eight loads.
    lab.shell.cost.failures = ({ path, nth, ...load }) =>
      path === "sidecar" && load.seconds === seconds && Math.floor(nth / 8) === 2 ? 1 : 0;
    expect(await measure(lab)).toMatchObject({
      ...{ verdict: "fail", layer: "sidecar" },
      seen: "1 of 150 requests of path sidecar by HTTP/1.1 failed in round 3: EOF",
    });
  });

  test("where the rounds differ too much, with the difference", async () => {
    const lab = await world();
    lab.shell.cost.slowness = ({ nth, ...load }) => (load.seconds === seconds ? 1 + (Math.floor(nth / 8) % 3) : 1);
    expect(await measure(lab)).toMatchObject({
      ...{ verdict: "inconclusive", layer: "nodes" },
      seen: expect.stringContaining("varies by 100 %, and at most 50 % are accepted"),
    });
  });

  test("where the image has no vegeta", async () => {
    const lab = await world();
    lab.shell.cost.vegetaMissing = true;
    expect(await measure(lab)).toMatchObject({
      ...{ verdict: "inconclusive", layer: "client" },
      seen: expect.stringContaining("vegeta in cost-none-client: sh: vegeta: not found"),
    });
    expect(asked(lab)).toBe(0);
  });

  test.each([
    ["ztunnel", "ztunnel"],
    ["cost-proxy", "waypoint"],
    ["cost-sidecar-client", "sidecar"],
  ])("where %s writes debug lines, and names its pod", async (role, layer) => {
    const lab = await world();
    for (const pod of lab.state.pods.filter(({ name }) => name.startsWith(`${role}-`)))
      lab.state.proxyLevels.set(pod.role, "debug");
    expect(await measure(lab)).toMatchObject({
      ...{ verdict: "inconclusive", layer },
      seen: expect.stringMatching(new RegExp(`log level of the proxy in Pod [\\w-]+/${role}.* is debug`)),
    });
  });

  test("where the node has too little memory, and scales nothing up", async () => {
    const lab = await world();
    lab.shell.cost.availableKib = 1_048_576;
    expect(await measure(lab)).toMatchObject({
      ...{ verdict: "inconclusive", layer: "nodes" },
      seen: expect.stringContaining(
        "1.0 GiB of memory are available on ambient-lab-dev-worker, and 2.0 GiB are needed",
      ),
    });
    expect(lab.patches).toEqual([]);
  });

  test.each(["cost-growth-ambient", "cost-growth-sidecar"])(
    "where pods of %s never become ready, and scales both Deployments down again",
    async (app) => {
      const lab = await world();
      const before = structuredClone(growing(lab));
      lab.state.unready.add(app);
      const { verdict, seen } = await measure(lab);
      expect(verdict).not.toBe("pass");
      expect(seen).toContain(`1 pods of ${app}`);
      expect(growing(lab)).toEqual(before);
    },
  );
});

test("a failed restore is reported beside the error that ended the measurement", async () => {
  const lab = await world();
  lab.state.unready.add("cost-growth-sidecar");
  lab.beforePatch = (operations) => {
    if (operations.some(({ path, value }) => path === "/spec/replicas" && value === 0))
      throw new Error("no route to host");
  };
  const { verdict, findings } = await measure(lab);
  expect(verdict).toBe("fail");
  expect(findings.filter((each) => each.verdict !== "pass").map(({ seen }) => seen)).toEqual([
    expect.stringContaining("1 pods of cost-growth-sidecar"),
    ...scaled.map((object) =>
      expect.stringMatching(`${object.replace("/", " ")} is still changed: .*no route to host`),
    ),
  ]);
});

test("an interrupted measurement scales both Deployments down again", async () => {
  const lab = await world();
  const before = structuredClone(growing(lab));
  const interruption = new AbortController();
  lab.beforePatch = (operations) => {
    if (operations.some(({ path, value }) => path === "/spec/replicas" && value === 5))
      interruption.abort(new Error("ended"));
  };
  await expect(measure(lab, { signal: interruption.signal })).rejects.toThrow("ended");
  expect(asked(lab)).toBe(5);
  expect(growing(lab)).toEqual(before);
  for (const { annotations } of growing(lab)) expect(annotations ?? {}).not.toHaveProperty(annotationKeys.original);
});
