import { parse as parseYaml } from "yaml";
import { meshNamespace } from "../../config/vocabulary";
import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import { DeadlineError } from "../eventually";
import { listAt, numberAt, textAt } from "../json";
import { type CheckRun, failed, listed, passed, unclear, upstream } from "./check";
import { ask, watch } from "./dashboard";

/** Proxies hand their spans over every few seconds. */
const spansMs = 20_000;

/** Prometheus has metrics of both layers. */
export const prometheus: CheckRun<"prometheus"> = async (context, { families }) => {
  await context.podFinder.behind("Service/prometheus", 9090, context.signal);
  return Promise.all(
    families.map(async ({ name, anyOf }) => {
      const found = await watch(context, name, async () => {
        for (const query of anyOf) {
          const answer = await ask(
            context,
            "Service/prometheus",
            9090,
            `/api/v1/query?query=${encodeURIComponent(query)}`,
          );
          const value = numberAt(listAt(answer, "data", "result")[0], "value", 1) ?? 0;
          if (value > 0) return { query, value };
        }
        throw new Error(`no answer to ${anyOf.join(" or ")}`);
      });
      const title = `metrics: ${name}`;
      if (found instanceof DeadlineError) return silent(context, title, found.message, `one of ${listed(anyOf)}`);
      const evidence = [{ source: "prometheus", lines: [`${found.query} = ${found.value}`] }];
      return passed(title, "prometheus", `${found.query} = ${found.value}`, { evidence });
    }),
  );
};

/** A Prometheus that answers but lacks a family may belong to proxies that do not count it: that proves neither. */
async function silent(context: VerifyContext, name: string, seen: string, expected: string) {
  try {
    await ask(context, "Service/prometheus", 9090, "/api/v1/query?query=up");
    return unclear(name, "prometheus", seen, { expected });
  } catch (error) {
    context.signal.throwIfAborted();
    return failed(name, "prometheus", `${seen}; ${messageOf(error)}`, { expected });
  }
}

/** Grafana is healthy, draws from Prometheus and has a dashboard. */
export const grafana: CheckRun<"grafana"> = async (context, { name, dashboard }) => {
  const found = await watch(context, name, async () => {
    const health = textAt(await ask(context, "Service/grafana", 3000, "/api/health"), "database");
    if (health !== "ok") throw new Error(`health of the database: ${health}`);
    const hits = await ask(context, "Service/grafana", 3000, `/api/search?query=${encodeURIComponent(dashboard)}`);
    const titles = listAt(hits).map((hit) => textAt(hit, "title") ?? "");
    if (titles.length === 0) throw new Error(`no dashboard named like "${dashboard}"`);
    return { titles, series: await seriesBehindGrafana(context) };
  });
  if (found instanceof DeadlineError)
    return [
      failed(name, "grafana", found.message, { expected: "healthy, with a source that answers, and dashboards" }),
    ];
  const seen = `healthy, ${found.series} series of "up" through its data source, dashboards: ${listed(found.titles)}`;
  return [passed(name, "grafana", seen, { evidence: [{ source: "grafana", lines: found.titles }] })];
};

/**
 * How many series Grafana itself gets of Prometheus (Grafana's HTTP API, data source proxy calls by uid).
 * @throws Error when it has no such source, or the source does not answer
 */
async function seriesBehindGrafana(context: VerifyContext): Promise<number> {
  const sources = listAt(await ask(context, "Service/grafana", 3000, "/api/datasources"));
  const uid = textAt(
    sources.find((item) => textAt(item, "type") === "prometheus"),
    "uid",
  );
  if (uid === undefined) throw new Error("no data source of the type prometheus");
  const query = `/api/datasources/proxy/uid/${encodeURIComponent(uid)}/api/v1/query?query=up`;
  const series = listAt(await ask(context, "Service/grafana", 3000, query), "data", "result").length;
  if (series === 0) throw new Error("its data source has no series of up");
  return series;
}

const graphPath =
  "/kiali/api/namespaces/graph?namespaces=default&duration=300s&graphType=workload&ambientTraffic=total";

/** Kiali's graph has an edge to appb. */
export const kiali: CheckRun<"kiali"> = async (context, { name, edgeTo }) => {
  const found = await watch(context, name, async () => {
    const graph = await ask(context, "Service/kiali", 20001, graphPath);
    const nodes = new Map(
      listAt(graph, "elements", "nodes").map((node) => [
        textAt(node, "data", "id"),
        textAt(node, "data", "workload") ?? textAt(node, "data", "service") ?? textAt(node, "data", "app") ?? "?",
      ]),
    );
    const edges = listAt(graph, "elements", "edges").map(
      (edge) =>
        `${nodes.get(textAt(edge, "data", "source")) ?? "?"} → ${nodes.get(textAt(edge, "data", "target")) ?? "?"}`,
    );
    if (!edges.some((edge) => edge.endsWith(`→ ${edgeTo}`)))
      throw new Error(`${nodes.size} nodes, ${edges.length} edges, none to ${edgeTo}`);
    return edges;
  });
  if (found instanceof DeadlineError)
    return [failed(name, "kiali", found.message, { expected: `an edge to ${edgeTo}` })];
  return [passed(name, "kiali", listed(found), { evidence: [{ source: "kiali graph", lines: found }] })];
};

/** Jaeger has spans of a proxy; without them the bug that Istio knows of is named. */
export const jaeger: CheckRun<"jaeger"> = async (context, { name, service, upstream: issue }) => {
  try {
    await ask(context, "Service/tracing", 80, "/jaeger/api/services");
  } catch (error) {
    context.signal.throwIfAborted();
    return [
      failed(name, "jaeger", `Jaeger does not answer: ${messageOf(error)}`, { expected: "its list of services" }),
    ];
  }
  // Spans of an earlier run prove nothing: Jaeger takes the beginning in microseconds, the clock is told by the second.
  const begin = (Math.floor((await context.lab.serverTime(context.signal)) / 1000) - 1) * 1_000_000;
  const found = await watch(
    context,
    name,
    async () => {
      const services = listAt(await ask(context, "Service/tracing", 80, "/jaeger/api/services"), "data").map(String);
      const named = services.find((item) => item === service || item.startsWith(`${service}.`));
      if (!named) throw new Error(`services with spans: ${listed(services)}`);
      const traces = await ask(
        context,
        "Service/tracing",
        80,
        `/jaeger/api/traces?service=${encodeURIComponent(named)}&limit=5&start=${begin}`,
      );
      const ids = listAt(traces, "data").map((trace) => textAt(trace, "traceID") ?? "?");
      if (ids.length === 0) throw new Error(`no traces of ${named}`);
      return { named, ids };
    },
    spansMs,
  );
  if (found instanceof DeadlineError) {
    const expected = `spans of ${service}`;
    if (!(await spansAsked(context))) {
      return [unclear(name, "jaeger", `${found.message}; the mesh is not told to export spans`, { expected })];
    }
    return [upstream(name, "jaeger", `no spans of ${service}, a known bug of Istio: ${issue}`, { expected })];
  }
  return [
    passed(name, "jaeger", `${found.ids.length} traces of ${found.named}`, {
      evidence: [{ source: "jaeger traces", lines: found.ids }],
    }),
  ];
};

/** Whether the mesh's configuration, or a Telemetry, asks the proxies for spans: only then is their absence a bug. */
async function spansAsked({ lab, signal }: VerifyContext): Promise<boolean> {
  const mesh = await lab.read({ apiVersion: "v1", kind: "ConfigMap", namespace: meshNamespace, name: "istio" }, signal);
  const config: unknown = parseYaml(textAt(mesh, "data", "mesh") ?? "");
  if (listAt(config, "defaultProviders", "tracing").length > 0) return true;
  const what = { apiVersion: "telemetry.istio.io/v1", kind: "Telemetry", namespace: meshNamespace };
  const asking = (await lab.list(what, signal)).filter((item) => listAt(item, "spec", "tracing").length > 0);
  return asking.length > 0;
}
