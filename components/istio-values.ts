import { istioHub } from "../versions";

/** What of the lab's configuration shapes Istio's charts. */
export interface IstioSettings {
  resources: "laptop" | "roomy";
  logLevel: "debug" | "info" | "warning" | "error";
  /** Whether a Jaeger collector is there to take spans. */
  tracing: boolean;
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

/**
 * Istiod renders its webhooks with failurePolicy Ignore and then changes them to Fail itself; an installer that looks
 * again would fight it. Fail from the start is what upstream offers instead (istio/istio#59367).
 */
const webhooks = { base: { validationFailurePolicy: "Fail" } } as const;

export function baseValues(): Values {
  return { ...common, ...webhooks };
}

export function istiodValues(settings: IstioSettings): Values {
  const small = settings.resources === "laptop";
  const proxy = small ? { resources: laptop.proxy } : {};
  return {
    ...common,
    ...webhooks,
    ...(small ? { autoscaleEnabled: false, resources: laptop.istiod } : {}),
    global: {
      hub: istioHub,
      logging: { level: `default:${istioLevel(settings.logLevel)}` },
      proxy: { ...proxy, logLevel: settings.logLevel },
      ...(small ? { waypoint: proxy } : {}),
    },
    meshConfig: {
      accessLogFile: "/dev/stdout",
      ...(settings.tracing ? tracing : {}),
    },
    // Percent. A lab wants the span of every request it sends.
    ...(settings.tracing ? { traceSampling: 100 } : {}),
  };
}

const tracing = {
  enableTracing: true,
  defaultProviders: { tracing: ["jaeger"] },
  extensionProviders: [
    { name: "jaeger", opentelemetry: { service: "jaeger-collector.istio-system.svc.cluster.local", port: 4317 } },
  ],
} as const;

export function cniValues(settings: IstioSettings): Values {
  const level = istioLevel(settings.logLevel);
  return {
    ...common,
    global: { hub: istioHub },
    logging: { level: `cni:${level},ambient:${level}` },
    ...(settings.resources === "laptop" ? { resources: laptop.cni } : {}),
  };
}

export function ztunnelValues(settings: IstioSettings): Values {
  return {
    ...common,
    global: { hub: istioHub },
    logLevel: istioLevel(settings.logLevel),
    ...(settings.resources === "laptop" ? { resources: laptop.ztunnel } : {}),
  };
}

/** Envoy says "warning" where istiod, istio-cni and ztunnel say "warn". */
function istioLevel(level: IstioSettings["logLevel"]): string {
  return level === "warning" ? "warn" : level;
}
