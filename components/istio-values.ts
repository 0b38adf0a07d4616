import { istioHub } from "../config/image-names";
import { meshNamespace, serviceHost } from "../config/vocabulary";

/** Configuration that changes the values of Istio's charts. */
export interface IstioSettings {
  resources: "laptop" | "roomy";
  logLevel: "debug" | "info" | "warning" | "error";
  /** Platform of the charts' values. @default a plain Kubernetes */
  platform?: string;
  /** Whether the lab has a Jaeger collector. */
  tracing: boolean;
  /** Modules of the lab: `agentgateway` requires a feature of istiod, `cost` proxies without debug lines. */
  modules: readonly string[];
}

/** Values of one Istio chart. */
type Values = Record<string, unknown>;

const requests = (cpu: string, memory: string) => ({ requests: { cpu, memory } });

/** Requests of less than 512 MiB for the mesh of three nodes with a gateway and a waypoint. */
const laptop = {
  istiod: requests("50m", "128Mi"),
  cni: requests("10m", "40Mi"),
  ztunnel: requests("10m", "40Mi"),
  proxy: { ...requests("10m", "64Mi"), limits: { cpu: "2", memory: "1Gi" } },
} as const;

const common = { profile: "ambient" } as const;

/** `global` values of every chart. */
const globals = ({ platform }: Pick<IstioSettings, "platform">) => ({
  hub: istioHub,
  ...(platform ? { platform } : {}),
});

/**
 * istiod manages the failurePolicy of the validating webhooks: the charts install Ignore, and istiod sets Fail when the API server
 * can reach it. With Fail from the start, the lab's policies would be refused until kube-proxy is ready.
 */
export function baseValues({ platform }: Pick<IstioSettings, "platform"> = {}): Values {
  // The chart contains its CRDs in either case. With templates it would parse each one twice to add Helm's labels, in every
  // preview: 130 of 250 ms.
  const base = { enableCRDTemplates: false };
  return { ...common, base, ...(platform ? { global: { platform } } : {}) };
}

export function istiodValues(settings: IstioSettings): Values {
  const small = settings.resources === "laptop";
  const proxy = small ? { resources: laptop.proxy } : {};
  return {
    ...common,
    ...(small ? { autoscaleEnabled: false, resources: laptop.istiod } : {}),
    ...(settings.modules.includes("agentgateway") ? { env: { PILOT_ENABLE_AGENTGATEWAY: "true" } } : {}),
    global: {
      ...globals(settings),
      logging: { level: `default:${istioLevel(settings.logLevel)}` },
      proxy: { ...proxy, logLevel: proxyLevel(settings) },
      ...(small ? { waypoint: proxy } : {}),
    },
    meshConfig: {
      accessLogFile: "/dev/stdout",
      defaultConfig: { drainDuration },
      ...(settings.tracing ? tracing : {}),
    },
    // Percent.
    ...(settings.tracing ? { traceSampling: 100 } : {}),
  };
}

/**
 * Time for which a proxy keeps the old configuration for open connections after a change. With Istio's default of 45 s, a new
 * policy does not apply to the gateway's open connections to the waypoint (seen live: 200 for 44 s).
 */
const drainDuration = "5s";

const tracing = {
  enableTracing: true,
  defaultProviders: { tracing: ["jaeger"] },
  extensionProviders: [
    { name: "jaeger", opentelemetry: { service: serviceHost("jaeger-collector", meshNamespace), port: 4317 } },
  ],
} as const;

export function cniValues(settings: IstioSettings): Values {
  const level = istioLevel(settings.logLevel);
  return {
    ...common,
    global: globals(settings),
    logging: { level: `cni:${level},ambient:${level}` },
    ...(settings.resources === "laptop" ? { resources: laptop.cni } : {}),
  };
}

export function ztunnelValues(settings: IstioSettings): Values {
  return {
    ...common,
    global: globals(settings),
    logLevel: istioLevel(proxyLevel(settings)),
    ...(settings.resources === "laptop" ? { resources: laptop.ztunnel } : {}),
  };
}

/**
 * Log level of Envoy and ztunnel. At the level debug they write several lines for each request, and the module `cost` would measure
 * these.
 */
const proxyLevel = ({ logLevel, modules }: IstioSettings): IstioSettings["logLevel"] =>
  logLevel === "debug" && modules.includes("cost") ? "info" : logLevel;

/** Log level of istiod, istio-cni and ztunnel, which use "warn" instead of Envoy's "warning". */
function istioLevel(level: IstioSettings["logLevel"]): string {
  return level === "warning" ? "warn" : level;
}
