import { z } from "zod";
import { costPaths } from "../../modules/cost/objects";

const path = z.enum(costPaths);
const estimate = z
  .object({ median: z.number(), low: z.number(), high: z.number() })
  .describe("Median of the rounds, and the interval that holds the true median with the stated confidence.");

const percentiles = z.object({ p50: estimate, p90: estimate, p99: estimate });

const latency = z.object({
  path,
  protocol: z
    .enum(["http", "grpc"])
    .default("http")
    .describe("HTTP/1.1 or gRPC; a report without this field has HTTP/1.1 only."),
  connections: z.enum(["kept", "new"]).describe("Whether requests share connections, or each opens a new one."),
  milliseconds: percentiles,
  added: percentiles
    .optional()
    .describe(
      "Difference from the path outside the mesh in the same round, in milliseconds; absent for the path outside the mesh.",
    ),
  cpu: estimate.describe("CPU time of all proxies of the path per thousand requests, in milliseconds."),
  requests: z.number().describe("Requests of all rounds."),
});

const throughput = z.object({
  path,
  perSecond: z
    .object({ median: z.number(), low: z.number(), high: z.number() })
    .describe("Highest sustained rate: median, lowest and highest of the runs."),
  limit: z
    .string()
    .describe(
      "Why the rate was not sustained in the last run, such as a failed request or the limit of the 99th percentile.",
    ),
});

const proxy = z.object({
  pod: z.string(),
  node: z.string(),
  path: z.array(path).readonly().describe("Paths that use the proxy."),
  idleBytes: z.number().describe("Working set before the measurement."),
  loadedBytes: z.number().describe("Largest working set between the rounds."),
  idleCpu: z.number().describe("CPU time per second without requests, in milliseconds."),
});

const growth = z.object({
  pods: z.number(),
  sidecarBytes: z.number().describe("Working set of the sidecars of all pods."),
  ambientBytes: z
    .number()
    .describe(
      "Working set of the ztunnels of all nodes for applications and of the waypoint, with the same number of pods in the ambient mesh.",
    ),
  perSidecar: z
    .object({ median: z.number(), low: z.number(), high: z.number() })
    .describe("Working set of one sidecar: median, smallest and largest."),
});

/** The measured cost of the mesh, as the verifier writes it and the report reads it. */
export const costSchema = z.object({
  machine: z.object({
    node: z.string().describe("Node of the servers."),
    clientNode: z.string().describe("Node of the clients."),
    cpus: z.number(),
    memoryBytes: z.number(),
    kernel: z.string(),
  }),
  load: z.object({
    perSecond: z.number(),
    seconds: z.number(),
    rounds: z.number(),
    answerBytes: z.number(),
    generator: z.string(),
  }),
  confidence: z.number().describe("Least probability that an interval holds the true median."),
  noise: z.object({
    spread: z.number().describe("Interquartile range of the medians outside the mesh, in units of their median."),
    limit: z.number(),
  }),
  latency: z.array(latency).readonly(),
  throughput: z.array(throughput).readonly(),
  proxies: z.array(proxy).readonly(),
  growth: z.array(growth).readonly(),
  crossing: z
    .number()
    .optional()
    .describe(
      "Smallest number of pods at which sidecars use more memory than ztunnel and waypoint; absent when sidecars use less in all steps.",
    ),
});

export type Cost = z.infer<typeof costSchema>;
export type CostLatency = z.infer<typeof latency>;
export type CostProxy = z.infer<typeof proxy>;
export type CostGrowth = z.infer<typeof growth>;
export type CostThroughput = z.infer<typeof throughput>;
