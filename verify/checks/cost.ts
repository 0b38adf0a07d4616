import { randomUUID } from "node:crypto";
import { type CostPath, costPaths, numbers, scaled } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { crossingOf, growthOf, requireMemory } from "../cost/growth";
import { costLines, costSentence, noiseProblem, protocolNames } from "../cost/judge";
import {
  confidence,
  idleUsage,
  latencyOf,
  latencyRounds,
  proxiesOf,
  rateFor,
  type Shot,
  secondsOf,
} from "../cost/latency";
import { isOfKind, keptHttp, type RequestKind, requestKinds, sendLoad } from "../cost/load";
import { type Load, type Loads, routesTaken } from "../cost/routes";
import { type Scene, sceneOf } from "../cost/scene";
import type { Cost } from "../cost/schema";
import { spread } from "../cost/statistics";
import { throughputOf } from "../cost/throughput";
import { sidecarOf } from "../pods";
import type { Finding } from "../report/schema";
import { type CheckRun, failed, passed, unclear } from "./check";
import { whileChanged } from "./while-changed";

/** Requests by which the proxies of each path are told, and connections and caches are warm before the first round. */
const warmUp = { perSecond: 50, seconds: 1 };

/** Measures all paths in turn. What it scales up is scaled down again, however it ends. */
export const cost: CheckRun<"cost"> = async (context, { name }) => {
  const kinds = requestKinds(context.facts.settings.modules);
  const scene = await sceneOf(context);
  await requireMemory(scene);
  // A busy sidecar's log is rotated: lines are only known to be missing when the reader has seen an earlier one.
  await context.logs.open([scene.ends.sidecar.client, scene.ends.sidecar.server].map(sidecarOf));
  const routes = await routesTaken(context, scene, await warmedUp(context, scene, kinds));
  if (routes.some(({ verdict }) => verdict !== "pass")) return routes;
  const { shots, measured } = await measure(context, scene, kinds);
  const restored = scaled.map((object) => [object, `${object} is scaled down again`] as const);
  const findings = await whileChanged(context, name, restored, async (found) => {
    const growth = await growthOf(context, scene);
    const crossing = crossingOf(growth);
    const result: Cost = { ...measured, growth, ...(crossing === undefined ? {} : { crossing }) };
    found.push({ ...judged(name, shots, result), cost: result });
  });
  return [...routes, ...findings];
};

async function warmedUp(context: VerifyContext, scene: Scene, kinds: readonly RequestKind[]): Promise<Loads> {
  const loads = new Map<CostPath, Load[]>();
  for (const path of costPaths) {
    const own: Load[] = [];
    for (const kind of kinds) {
      const id = randomUUID();
      own.push({ id, kind, result: await sendLoad(context, scene.ends[path], { ...warmUp, ...kind, path, id }) });
    }
    loads.set(path, own);
  }
  return loads;
}

async function measure(
  context: VerifyContext,
  scene: Scene,
  kinds: readonly RequestKind[],
): Promise<{ shots: readonly Shot[]; measured: Omit<Cost, "growth"> }> {
  const id = randomUUID();
  const idle = await idleUsage(context, scene);
  const throughput = await throughputOf(context, scene, id);
  const perSecond = rateFor(throughput);
  const shots = await latencyRounds(context, scene, idle, { kinds, perSecond, id });
  const loaded = await scene.meter.read(scene.proxies);
  const outside = shots.filter((shot) => shot.path === "none" && isOfKind(shot, keptHttp));
  return {
    shots,
    measured: {
      machine: scene.machine,
      load: {
        ...{ perSecond, seconds: secondsOf(kinds), rounds: numbers.latency.rounds },
        ...{ answerBytes: numbers.answerBytes, generator: "vegeta" },
      },
      confidence,
      noise: { spread: spread(outside.map(({ result }) => result.p50)), limit: numbers.noise },
      latency: kinds.flatMap((kind) => latencyOf(shots, kind)),
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
      lines: shots.map(
        ({ round, path, protocol, connections, result: { json } }) =>
          `${round} ${path} ${protocol} ${connections} ${json}`,
      ),
    },
  ];
  const bad = shots.find(({ result: { failed } }) => failed > 0);
  if (bad) {
    const { path, protocol, round, result: load } = bad;
    const seen = `${load.failed} of ${load.sent} requests of path ${path} by ${protocolNames[protocol]} failed in round ${round + 1}: ${load.errors[0] ?? "no error is named"}`;
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
