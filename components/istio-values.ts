import { istioHub } from "../config/image-names";
import { meshNamespace, serviceHost } from "../config/vocabulary";

/** What of the lab's configuration shapes Istio's charts. */
export interface IstioSettings {
  resources: "laptop" | "roomy";
  logLevel: "debug" | "info" | "warning" | "error";
  /** Platform whose values the charts take. @default those of a plain Kubernetes */
  platform?: string;
  /** Whether a Jaeger collector is there to take spans. */
  tracing: boolean;
  /** Modules of the lab: `agentgateway` wants GatewayClasses that istiod does not know by itself. */
  modules: readonly string[];
}

/** Values of one Istio chart. */
type Values = Record<string, unknown>;

const requests = (cpu: string, memory: string) => ({ requests: { cpu, memory } });

/** Requests that hold the mesh of three nodes with one gateway and one waypoint below 512 MiB. */
const laptop = {
  istiod: requests("50m", "128Mi"),
  cni: requests("10m", "40Mi"),
  ztunnel: requests("10m", "40Mi"),
  proxy: { ...requests("10m", "64Mi"), limits: { cpu: "2", memory: "1Gi" } },
} as const;

const common = { profile: "ambient" } as const;

/** What every chart takes of its `global`. */
const globals = ({ platform }: Pick<IstioSettings, "platform">) => ({
  hub: istioHub,
  ...(platform ? { platform } : {}),
});

/**
 * The validating webhooks' failurePolicy is istiod's own: the charts install Ignore, and istiod sets Fail once the API
 * server was seen to reach it. Fail from the start refuses the lab's policies for the second that kube-proxy needs.
 */
export function baseValues({ platform }: Pick<IstioSettings, "platform"> = {}): Values {
  // The chart prints its CRDs either way. To put Helm's labels on them it would parse each one twice, and the engine renders
  // the chart in every preview: 130 of 250 ms.
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
      proxy: { ...proxy, logLevel: settings.logLevel },
      ...(small ? { waypoint: proxy } : {}),
    },
    meshConfig: {
      accessLogFile: "/dev/stdout",
      defaultConfig: { drainDuration },
      ...(settings.tracing ? tracing : {}),
    },
    // Percent. A lab wants the span of every request it sends.
    ...(settings.tracing ? { traceSampling: 100 } : {}),
  };
}

/**
 * For how long a proxy serves the connections that were open when its configuration changed, by the old one. Istio's
 * 45 seconds hide a new policy from the gateway, whose connections to the waypoint stay open (seen live: 200 for 44 s).
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
    logLevel: istioLevel(settings.logLevel),
    ...(settings.resources === "laptop" ? { resources: laptop.ztunnel } : {}),
  };
}

/** Envoy says "warning" where istiod, istio-cni and ztunnel say "warn". */
function istioLevel(level: IstioSettings["logLevel"]): string {
  return level === "warning" ? "warn" : level;
}
