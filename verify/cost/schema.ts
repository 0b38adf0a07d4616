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
    .describe("HTTP/1.1, or gRPC; a report without it is of HTTP/1.1 alone."),
  connections: z.enum(["kept", "new"]).describe("Whether requests share connections, or open one each."),
  milliseconds: percentiles,
  added: percentiles
    .optional()
    .describe("Milliseconds more than outside the mesh in the same round; absent for the path outside the mesh."),
  cpu: estimate.describe("CPU time of all proxies of the path for a thousand requests, in milliseconds."),
  requests: z.number().describe("Requests of all rounds."),
});

const throughput = z.object({
  path,
  perSecond: z
    .object({ median: z.number(), low: z.number(), high: z.number() })
    .describe("Highest rate that was kept up: median, lowest and highest of the runs."),
  limit: z.string().describe("What ended the last run, such as a failed request or the bound of the 99th percentile."),
});

const proxy = z.object({
  pod: z.string(),
  node: z.string(),
  path: z.array(path).readonly().describe("Paths that lead through it."),
  idleBytes: z.number().describe("Working set before the measurement."),
  loadedBytes: z.number().describe("Largest working set between the rounds."),
  idleCpu: z.number().describe("CPU time per second without requests, in milliseconds."),
});

const growth = z.object({
  pods: z.number(),
  sidecarBytes: z.number().describe("Working set of the sidecars of so many pods."),
  ambientBytes: z
    .number()
    .describe(
      "Working set of the ztunnels of all nodes for applications and of the waypoint, with as many pods in the ambient mesh.",
    ),
  perSidecar: z
    .object({ median: z.number(), low: z.number(), high: z.number() })
    .describe("Working set of one sidecar: median, smallest and largest."),
});

/** The result of a measurement of what the mesh costs, for the verifier that writes it and for every reader. */
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
      "Number of pods from which on sidecars use more memory than ztunnel and waypoint; absent when they do not within the measured numbers.",
    ),
});

export type Cost = z.infer<typeof costSchema>;
export type CostLatency = z.infer<typeof latency>;
export type CostProxy = z.infer<typeof proxy>;
export type CostGrowth = z.infer<typeof growth>;
export type CostThroughput = z.infer<typeof throughput>;
