import { randomUUID } from "node:crypto";
import { type CostPath, costPaths, numbers, scaled } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { crossingOf, growthOf, requireMemory } from "../cost/growth";
import { costLines, costSentence, noiseProblem } from "../cost/judge";
import { confidence, idleUsage, latencyOf, latencyRounds, proxiesOf, rateFor, type Shot } from "../cost/latency";
import { type LoadResult, sendLoad } from "../cost/load";
import { routesTaken } from "../cost/routes";
import { type Scene, sceneOf } from "../cost/scene";
import type { Cost } from "../cost/schema";
import { spread } from "../cost/statistics";
import { throughputOf } from "../cost/throughput";
import type { Finding } from "../report/schema";
import { restore } from "../restore/restore";
import { type CheckRun, failed, passed, unclear } from "./check";

/** Requests by which the proxies of each path are told, and connections and caches are warm before the first round. */
const warmUp = { perSecond: 50, seconds: 1, keepAlive: true } as const;

/** Measures all paths in turn. What it scales up is scaled down again, however it ends. */
export const cost: CheckRun<"cost"> = async (context, { name }) => {
  const scene = await sceneOf(context);
  await requireMemory(scene);
  const routes = await routesTaken(context, scene, await warmedUp(context, scene));
  if (routes.some(({ verdict }) => verdict !== "pass")) return routes;
  const { shots, measured } = await measure(context, scene);
  const restored: Finding[] = [];
  let growth: Cost["growth"];
  try {
    growth = await growthOf(context, scene);
  } finally {
    for (const object of scaled) restored.push(await restore(context, object, `${object} is scaled down again`));
  }
  const crossing = crossingOf(growth);
  const result: Cost = { ...measured, growth, ...(crossing === undefined ? {} : { crossing }) };
  return [...routes, { ...judged(name, shots, result), cost: result }, ...restored];
};

async function warmedUp(
  context: VerifyContext,
  scene: Scene,
): Promise<Map<CostPath, { id: string; result: LoadResult }>> {
  const loads = new Map<CostPath, { id: string; result: LoadResult }>();
  for (const path of costPaths) {
    const id = randomUUID();
    loads.set(path, { id, result: await sendLoad(context, scene.ends[path], { ...warmUp, path, id }) });
  }
  return loads;
}

async function measure(
  context: VerifyContext,
  scene: Scene,
): Promise<{ shots: readonly Shot[]; measured: Omit<Cost, "growth"> }> {
  const id = randomUUID();
  const idle = await idleUsage(context, scene);
  const throughput = await throughputOf(context, scene, id);
  const perSecond = rateFor(throughput);
  const shots = await latencyRounds(context, scene, idle, perSecond, id);
  const loaded = await scene.meter.read(scene.proxies);
  const { seconds, rounds } = numbers.latency;
  const outside = shots.filter(({ path, connections }) => path === "none" && connections === "kept");
  return {
    shots,
    measured: {
      machine: scene.machine,
      load: { perSecond, seconds, rounds, answerBytes: numbers.answerBytes, generator: "vegeta" },
      confidence,
      noise: { spread: spread(outside.map(({ result }) => result.p50)), limit: numbers.noise },
      latency: [...latencyOf(shots, "kept"), ...latencyOf(shots, "new")],
      throughput,
      proxies: proxiesOf(scene, idle, loaded),
    },
  };
}

/** A failed request is a fault of its path; a load that was not sent in time, or rounds that differ, are one of the machine. */
function judged(name: string, shots: readonly Shot[], result: Cost): Finding {
  const evidence = [
    { source: "table", lines: costLines(result) },
    {
      source: "vegeta reports",
      lines: shots.map(({ round, path, connections, result: { json } }) => `${round} ${path} ${connections} ${json}`),
    },
  ];
  const bad = shots.find(({ result: { failed } }) => failed > 0);
  if (bad) {
    const { path, round, result: load } = bad;
    const seen = `${load.failed} of ${load.sent} requests of path ${path} failed in round ${round + 1}: ${load.errors[0] ?? "no error is named"}`;
    const layer = path === "none" ? "app" : path;
    return failed(name, layer, seen, { expected: "every request is answered 200", evidence });
  }
  const { perSecond } = result.load;
  const slow = shots.find(({ result: { rate } }) => rate < perSecond * numbers.throughput.atLeast);
  const noise = slow
    ? `the machine is too busy: ${Math.round(slow.result.rate)} of ${perSecond} requests were sent per second`
    : noiseProblem(result);
  const seen = costSentence(result);
  if (noise) return unclear(name, "nodes", `${noise}; ${seen}`, { evidence });
  return passed(name, "app", seen, { evidence });
}
