import { describe, expect, test } from "vitest";
import { annotationKeys } from "../../../../config/vocabulary";
import { numbers, scaled } from "../../../../modules/cost/objects";
import { type VerifyOptions, verifyLab } from "../../../../verify";
import { costSchema } from "../../../../verify/cost/schema";
import { at } from "../../../../verify/json";
import { type FakeWorld, fakeWorld } from "../fake/world";

const world = () => fakeWorld({ modules: ["cost"] });

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

describe("the measurement is no pass", () => {
  test("where a request of a round fails, and names path and round", async () => {
    const lab = await world();
    // A round has eight loads.
    lab.shell.cost.failures = ({ path, nth, seconds }) =>
      path === "sidecar" && seconds === numbers.latency.seconds && Math.floor(nth / 8) === 2 ? 1 : 0;
    expect(await measure(lab)).toMatchObject({
      ...{ verdict: "fail", layer: "sidecar" },
      seen: "1 of 150 requests of path sidecar failed in round 3: EOF",
    });
  });

  test("where the rounds differ too much, and says by how much", async () => {
    const lab = await world();
    lab.shell.cost.slowness = ({ nth, seconds }) =>
      seconds === numbers.latency.seconds ? 1 + (Math.floor(nth / 8) % 3) : 1;
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
