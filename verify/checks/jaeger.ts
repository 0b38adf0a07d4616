import { parse as parseYaml } from "yaml";
import { appNamespace, meshNamespace, outboundCluster, ports } from "../../config/vocabulary";
import { messageOf } from "../../host/errors";
import type { VerifyContext } from "../context";
import { DeadlineError, TimeLimitError } from "../eventually";
import { at, listAt, numberAt, textAt } from "../json";
import { PreconditionError } from "../precondition-error";
import { camelCase } from "../proxy-config/envoy-dump";
import type { Finding } from "../report/schema";
import { type CheckRun, type Detail, failed, listed, passed, unclear, upstream } from "./check";
import { getJson, watch } from "./dashboard";

/** Deadline for spans, which proxies export every few seconds, in milliseconds. */
const spansMs = 20_000;

const proxies = { waypoint: "waypoint", "gateway-istio": "gateway" } as const;

/**
 * Verifies that Jaeger has spans of a proxy. Missing spans are attributed to a known bug of Istio only if spans of another proxy
 * arrive, and if provider, sampling and collector are configured correctly.
 */
export const jaeger: CheckRun<"jaeger"> = async (context, detail) => {
  const { name, service, upstream: issue } = detail;
  try {
    await spanServices(context);
  } catch (error) {
    context.signal.throwIfAborted();
    const seen = `Jaeger does not answer: ${messageOf(error)}`;
    const finding = error instanceof TimeLimitError ? unclear : failed;
    return [finding(name, "jaeger", seen, { expected: "its list of services" })];
  }
  // Only spans of this run count. Jaeger expects microseconds; the clock of the cluster has a resolution of one second.
  const begin = (Math.floor((await context.lab.serverTime(context.signal)) / 1000) - 1) * 1_000_000;
  const found = await watch(context, name, () => tracesOf(context, service, begin), spansMs);
  if (!(found instanceof DeadlineError)) {
    const evidence = [{ source: "jaeger traces", lines: found.ids }];
    return [passed(name, "jaeger", `${found.ids.length} traces of ${found.named}`, { evidence })];
  }
  const expected = `spans of ${service}`;
  const own = await misconfiguration(context, detail, found.message);
  if (own) return [{ ...own, expected }];
  const others = Object.keys(proxies).filter((each) => each !== service);
  const arrived = await Promise.allSettled(others.map((other) => tracesOf(context, other, begin)));
  context.signal.throwIfAborted();
  if (!arrived.some(({ status }) => status === "fulfilled"))
    return [unclear(name, "jaeger", `${found.message}; no span of any proxy arrives at Jaeger`, { expected })];
  return [upstream(name, "jaeger", `no spans of ${service}, a known bug of Istio: ${issue}`, { expected })];
};

const spanServices = async (context: VerifyContext): Promise<string[]> =>
  listAt(await getJson(context, "Service/tracing", 80, "/jaeger/api/services"), "data").map(String);

/** Traces of a proxy since a moment. @throws Error when there are none */
async function tracesOf(context: VerifyContext, service: string, begin: number) {
  const services = await spanServices(context);
  const named = services.find((item) => item === service || item.startsWith(`${service}.`));
  if (!named) throw new Error(`services with spans: ${listed(services)}`);
  const path = `/jaeger/api/traces?service=${encodeURIComponent(named)}&limit=5&start=${begin}`;
  const traces = listAt(await getJson(context, "Service/tracing", 80, path), "data");
  const ids = traces.map((trace) => textAt(trace, "traceID") ?? "?");
  if (ids.length === 0) throw new Error(`no traces of ${named}`);
  return { named, ids };
}

/** The finding about a wrong configuration of tracing; undefined when it is correct. */
async function misconfiguration(
  context: VerifyContext,
  { name, service }: Detail<"jaeger">,
  seen: string,
): Promise<Finding | undefined> {
  const proxy = proxies[service];
  const unseen = (why: string) => unclear(name, proxy, `${seen}; ${why}`);
  const wrong = (why: string) => failed(name, "jaeger", `${seen}; ${why}`);
  try {
    const mesh = await tracingOfMesh(context);
    if (mesh.providers.length === 0) return unclear(name, "jaeger", `${seen}; no Telemetry enables tracing`);
    const [off] = mesh.switchedOff;
    if (off) return wrong(`Telemetry ${off} switches spans off`);
    const { collector } = mesh;
    if (!collector)
      return wrong(
        `the mesh has no OpenTelemetry provider of the name ${listed(mesh.providers)} in extensionProviders`,
      );
    const { service: host, port } = collector;
    const [collectorName = "", namespace = meshNamespace] = host.split(".");
    const ref = { layer: "jaeger", apiVersion: "v1", kind: "Service", namespace, name: collectorName } as const;
    await context.podFinder.behind(ref, port, context.signal);
    const cluster = outboundCluster(host, port);
    const pod = await context.podFinder.one(proxy, context.signal);
    const admin = async (path: string) => {
      const answer = await context.lab.podGet(pod, ports.admin, path, context.signal);
      if (answer.status !== 200) throw new Error(`${pod.name}: status ${answer.status} of ${path}`);
      return camelCase(JSON.parse(answer.body));
    };
    const tracing = tracingOf(await admin("/config_dump")).filter((each) => at(each, "provider"));
    if (tracing.length === 0) return unseen(`${pod.name} has no tracing provider from istiod`);
    const targets = tracing.map((each) =>
      textAt(each, "provider", "typedConfig", "grpcService", "envoyGrpc", "clusterName"),
    );
    if (targets.some((target) => target !== cluster))
      return wrong(`${pod.name} exports to ${listed([...new Set(targets.map((each) => each ?? "no cluster"))])}`);
    const sampled = Math.min(
      ...tracing.flatMap((each) => [samplingOf(each, "randomSampling"), samplingOf(each, "overallSampling")]),
    );
    if (sampled < 100) return unseen(`${pod.name} samples ${sampled} % of the requests`);
    const problem = clusterProblem(await admin("/clusters?format=json"), cluster);
    return problem ? wrong(`${pod.name}: ${cluster} ${problem}`) : undefined;
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof PreconditionError && error.verdict === "fail") return wrong(messageOf(error));
    return unseen(messageOf(error));
  }
}

/** The tracing settings of the MeshConfig and the Telemetry resources. */
async function tracingOfMesh({ lab, signal }: VerifyContext) {
  const map = { apiVersion: "v1", kind: "ConfigMap", namespace: meshNamespace, name: "istio" };
  const config: unknown = parseYaml(textAt(await lab.read(map, signal), "data", "mesh") ?? "");
  const kind = { apiVersion: "telemetry.istio.io/v1", kind: "Telemetry" };
  const places = [meshNamespace, appNamespace].map((namespace) => lab.list({ ...kind, namespace }, signal));
  const telemetries = (await Promise.all(places)).flat();
  const settings = telemetries.flatMap((item) => listAt(item, "spec", "tracing"));
  const byTelemetry = settings
    .flatMap((tracing) => listAt(tracing, "providers"))
    .map((item) => textAt(item, "name") ?? "");
  const providers = byTelemetry.length > 0 ? byTelemetry : listAt(config, "defaultProviders", "tracing").map(String);
  const isOff = (tracing: unknown) => at(tracing, "disableSpanReporting") === true;
  const known = listAt(config, "extensionProviders").find((item) => providers.includes(textAt(item, "name") ?? ""));
  const [service, port] = [textAt(known, "opentelemetry", "service"), numberAt(known, "opentelemetry", "port")];
  return {
    providers,
    switchedOff: telemetries
      .filter((item) => listAt(item, "spec", "tracing").some(isOff))
      .map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`),
    ...(service && port ? { collector: { service, port } } : {}),
  };
}

/** The tracing settings of the HTTP connection managers in a dump. */
function tracingOf(value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  const own = textAt(value, "@type")?.endsWith("HttpConnectionManager") ? [at(value, "tracing")] : [];
  return [...own, ...Object.values(value).flatMap(tracingOf)].filter((tracing) => tracing !== undefined);
}

/** A percentage in Envoy's configuration, which omits 0. */
const samplingOf = (tracing: unknown, key: string): number => numberAt(tracing, key, "value") ?? 0;

/** Why a proxy cannot reach a cluster, by the statistics of Envoy; undefined when it can. */
function clusterProblem(raw: unknown, cluster: string): string | undefined {
  const found = listAt(raw, "clusterStatuses").find((item) => textAt(item, "name") === cluster);
  if (!found) return "is not among its clusters";
  const hosts = listAt(found, "hostStatuses");
  const healthy = hosts.filter(
    (host) =>
      textAt(host, "healthStatus", "edsHealthStatus") === "HEALTHY" &&
      !["failedActiveHealthCheck", "failedOutlierCheck"].some((flag) => at(host, "healthStatus", flag) === true),
  );
  if (healthy.length === 0) return `has ${hosts.length} endpoints, and none that is healthy`;
  const sum = (stat: string) =>
    hosts
      .flatMap((host) => listAt(host, "stats"))
      .filter((each) => textAt(each, "name") === stat)
      .reduce<number>((total, each) => total + (numberAt(each, "value") ?? 0), 0);
  const [bad, good] = [sum("rq_error") + sum("cx_connect_fail"), sum("rq_success")];
  return bad > 0 && good === 0 ? `fails: ${bad} errors, no success` : undefined;
}
