import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import { DeadlineError, TimeLimitError } from "../eventually";
import { listAt, numberAt, textAt } from "../json";
import { type CheckRun, failed, listed, passed, unclear } from "./check";
import { getJson, watch } from "./dashboard";

/** Verifies that Prometheus has metrics of both layers. */
export const prometheus: CheckRun<"prometheus"> = async (context, { families }) => {
  await context.podFinder.behind("Service/prometheus", 9090, context.signal);
  return Promise.all(
    families.map(async ({ name, query }) => {
      const found = await watch(context, name, async () => {
        const path = `/api/v1/query?query=${encodeURIComponent(query)}`;
        const value = numberAt(
          listAt(await getJson(context, "Service/prometheus", 9090, path), "data", "result")[0],
          "value",
          1,
        );
        if (value === undefined || value <= 0) throw new Error(`${query}: ${value ?? "no series"}`);
        return value;
      });
      const title = `metrics: ${name}`;
      if (found instanceof DeadlineError) return silent(context, title, found.message, `${query} > 0`);
      const seen = `${query} = ${found}`;
      return passed(title, "prometheus", seen, { evidence: [{ source: "prometheus", lines: [seen] }] });
    }),
  );
};

/** The finding about missing metrics. If Prometheus answers, the cause may be Prometheus or the proxies, so the finding is inconclusive. */
async function silent(context: VerifyContext, name: string, seen: string, expected: string) {
  try {
    await getJson(context, "Service/prometheus", 9090, "/api/v1/query?query=up");
    return unclear(name, "prometheus", seen, { expected });
  } catch (error) {
    context.signal.throwIfAborted();
    const finding = error instanceof TimeLimitError ? unclear : failed;
    return finding(name, "prometheus", `${seen}; ${messageOf(error)}`, { expected });
  }
}

/** Verifies that Grafana is healthy, has a data source that answers, and has a dashboard. */
export const grafana: CheckRun<"grafana"> = async (context, { name, dashboard }) => {
  const found = await watch(context, name, async () => {
    const health = textAt(await getJson(context, "Service/grafana", 3000, "/api/health"), "database");
    if (health !== "ok") throw new Error(`health of the database: ${health}`);
    const hits = await getJson(context, "Service/grafana", 3000, `/api/search?query=${encodeURIComponent(dashboard)}`);
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
  const sources = listAt(await getJson(context, "Service/grafana", 3000, "/api/datasources"));
  const uid = textAt(
    sources.find((item) => textAt(item, "type") === "prometheus"),
    "uid",
  );
  if (uid === undefined) throw new Error("no data source of the type prometheus");
  const query = `/api/datasources/proxy/uid/${encodeURIComponent(uid)}/api/v1/query?query=up`;
  const series = listAt(await getJson(context, "Service/grafana", 3000, query), "data", "result").length;
  if (series === 0) throw new Error("its data source has no series of up");
  return series;
}

// Without refreshInterval=0 Kiali answers from a cache that is up to a minute old (kiali v2.26 and v2.27, graph/options.go).
const graphPath =
  "/kiali/api/namespaces/graph?namespaces=default&duration=300s&graphType=workload&ambientTraffic=total&refreshInterval=0";

/** Kiali's graph has an edge to appb. */
export const kiali: CheckRun<"kiali"> = async (context, { name, edgeTo }) => {
  const found = await watch(context, name, async () => {
    const graph = await getJson(context, "Service/kiali", 20001, graphPath);
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
