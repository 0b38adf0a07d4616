import { randomUUID } from "node:crypto";
import { type CostPath, costPaths, numbers, scaled } from "../../modules/cost/objects";
import type { VerifyContext } from "../context";
import { crossingOf, growthOf, requireMemory } from "../cost/growth";
import { costLines, costSentence, noiseProblem, protocolNames } from "../cost/judge";
import {
  confidence,
  idleUsage,
  type LoadSample,
  latencyOf,
  latencyRounds,
  proxiesOf,
  rateFor,
  secondsOf,
} from "../cost/latency";
import { isOfKind, keptHttp, type RequestKind, requestKinds, sendLoad } from "../cost/load";
import { type Load, type Loads, routesTaken } from "../cost/routes";
import type { Cost } from "../cost/schema";
import { type CostSetup, costSetupOf } from "../cost/setup";
import { spread } from "../cost/statistics";
import { throughputOf } from "../cost/throughput";
import type { Finding } from "../report/schema";
import { type CheckRun, failed, passed, unclear } from "./check";
import { whileChanged } from "./while-changed";

/** Load that is sent on each path before the first round: it shows which proxies the path uses, and warms connections and caches. */
const warmUp = { perSecond: 50, seconds: 1 };

/** Measures all paths. Deployments that it scales up are scaled down at the end, also after an error. */
export const cost: CheckRun<"cost"> = async (context, { name }) => {
  const kinds = requestKinds(context.facts.settings.modules);
  const setup = await costSetupOf(context);
  await requireMemory(setup);
  const routes = await routesTaken(context, setup, await warmedUp(context, setup, kinds));
  if (routes.some(({ verdict }) => verdict !== "pass")) return routes;
  const { samples, measured } = await measure(context, setup, kinds);
  const restored = scaled.map((object) => [object, `${object} is scaled down again`] as const);
  const findings = await whileChanged(context, name, restored, async (found) => {
    const growth = await growthOf(context, setup);
    const crossing = crossingOf(growth);
    const result: Cost = { ...measured, growth, ...(crossing === undefined ? {} : { crossing }) };
    found.push({ ...judged(name, samples, result), cost: result });
  });
  return [...routes, ...findings];
};

async function warmedUp(context: VerifyContext, setup: CostSetup, kinds: readonly RequestKind[]): Promise<Loads> {
  const loads = new Map<CostPath, Load[]>();
  for (const path of costPaths) {
    const own: Load[] = [];
    for (const kind of kinds) {
      const id = randomUUID();
      own.push({ id, kind, result: await sendLoad(context, setup.endpoints[path], { ...warmUp, ...kind, path, id }) });
    }
    loads.set(path, own);
  }
  return loads;
}

async function measure(
  context: VerifyContext,
  setup: CostSetup,
  kinds: readonly RequestKind[],
): Promise<{ samples: readonly LoadSample[]; measured: Omit<Cost, "growth"> }> {
  const id = randomUUID();
  const idle = await idleUsage(context, setup);
  const throughput = await throughputOf(context, setup, id);
  const perSecond = rateFor(throughput);
  const samples = await latencyRounds(context, setup, idle, { kinds, perSecond, id });
  const loaded = await setup.meter.read(setup.proxies);
  const outside = samples.filter((sample) => sample.path === "none" && isOfKind(sample, keptHttp));
  return {
    samples,
    measured: {
      machine: setup.machine,
      load: {
        ...{ perSecond, seconds: secondsOf(kinds), rounds: numbers.latency.rounds },
        ...{ answerBytes: numbers.answerBytes, generator: "vegeta" },
      },
      confidence,
      noise: { spread: spread(outside.map(({ result }) => result.p50)), limit: numbers.noise },
      latency: kinds.flatMap((kind) => latencyOf(samples, kind)),
      throughput,
      proxies: proxiesOf(setup, idle, loaded),
    },
  };
}

/** A failed request is a failure of its path. A load that was not sent in time, or noisy rounds, make the result inconclusive. */
function judged(name: string, samples: readonly LoadSample[], result: Cost): Finding {
  const evidence = [
    { source: "table", lines: costLines(result) },
    {
      source: "vegeta reports",
      lines: samples.map(
        ({ round, path, protocol, connections, result: { json } }) =>
          `${round} ${path} ${protocol} ${connections} ${json}`,
      ),
    },
  ];
  const bad = samples.find(({ result: { failed } }) => failed > 0);
  if (bad) {
    const { path, protocol, round, result: load } = bad;
    const seen = `${load.failed} of ${load.sent} requests of path ${path} by ${protocolNames[protocol]} failed in round ${round + 1}: ${load.errors[0] ?? "no error is named"}`;
    const layer = path === "none" ? "app" : path;
    return failed(name, layer, seen, { expected: "every request is answered 200", evidence });
  }
  const { perSecond } = result.load;
  const slow = samples.find(({ result: { rate } }) => rate < perSecond * numbers.throughput.atLeast);
  const noise = slow
    ? `the machine is too busy: ${Math.round(slow.result.rate)} of ${perSecond} requests were sent per second`
    : noiseProblem(result);
  const seen = costSentence(result);
  if (noise) return unclear(name, "nodes", `${noise}; ${seen}`, { evidence });
  return passed(name, "app", seen, { evidence });
}
