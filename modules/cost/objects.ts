import type { Slice } from "../slice";

/** The paths from a client to its server that are compared. The clients of `ztunnel` and `waypoint` are in the ambient mesh. */
export const costPaths = ["none", "ztunnel", "waypoint", "sidecar"] as const;
export type CostPath = (typeof costPaths)[number];

/** Server of a path: its Deployment, its ServiceAccount and its Service have this name. */
export const serverOf = (path: CostPath) => `cost-${path}` as const;
/** Client of a path: its Deployment and its ServiceAccount have this name. */
export const clientOf = (path: CostPath) => `cost-${path}-client` as const;

/** Waypoint of the path `waypoint`, and of the Service {@link interopThroughWaypoint}. */
export const costWaypoint = "cost-proxy";

/** Deployments that are scaled up, one in the ambient mesh and one with sidecars. They have no pods before and after a measurement. */
export const growing = { ambient: "cost-growth-ambient", sidecar: "cost-growth-sidecar" } as const;

/** The Deployments of {@link growing}: a measurement changes their replicas, and restores them in any case. */
export const scaled = [`Deployment/${growing.ambient}`, `Deployment/${growing.sidecar}`] as const;

/** DaemonSet whose pods read CPU and memory of the proxies on their node, from the node's control groups. */
export const meter = "cost-meter";

/** Path of the node's control groups in a pod of {@link meter}. */
export const controlGroups = "/host/cgroup";

/** Parameters of the measurement. With these values it takes four to five minutes on two cores. */
export const numbers = {
  /** Size of every answer, in bytes. */
  answerBytes: 1024,
  latency: {
    /**
     * Rates in requests per second, at fixed intervals, independent of the answers to earlier requests. The first rate is
     * used that is at most half of the throughput of the slowest path: near its limit the latency of a path is mostly waiting time.
     */
    perSecond: [100, 50, 25],
    /** Time under load of each path in a round, in seconds; the kinds of requests share it. */
    secondsPerRound: 3,
    /** Number of rounds, each of which measures every path once. Nine rounds give an interval of 99.6 %. */
    rounds: 9,
  },
  throughput: {
    /** Rate of the first step in requests per second, and the factor from step to step. */
    first: 400,
    factor: 1.5,
    seconds: 1,
    /** A rate is sustained when no request fails, 99 % take at most `p99Ms`, and at least the share `atLeast` of the rate is sent. */
    p99Ms: 100,
    atLeast: 0.95,
    /** Number of measurements of each path. */
    runs: 3,
  },
  growth: {
    /** Numbers of pods. */
    pods: [1, 5, 10, 20],
    /** Time until the proxies of new pods are idle, in milliseconds. */
    settleMs: 3_000,
  },
  /**
   * Memory that a node must have available before pods are added, in bytes: 20 sidecars of 60 MiB, their applications, and
   * the memory that istiod needs to configure them.
   */
  freeBytes: 2 * 1024 ** 3,
  /** Largest spread between rounds of the median latency outside the mesh (interquartile range / median) for a verdict. */
  noise: 0.5,
} as const;

/** Servers without a policy on callers: whether they accept only mutual TLS. */
export const interopServers = [
  { app: "interop-ambient", strict: false },
  { app: "interop-ambient-strict", strict: true },
  { app: "interop-sidecar", strict: false },
  { app: "interop-sidecar-strict", strict: true },
] as const;

/** A Service for the pods of `interop-ambient` that uses the waypoint. */
export const interopThroughWaypoint = "interop-waypoint";

const policies = {
  ztunnel: "AuthorizationPolicy/cost-ztunnel-l4",
  waypoint: "AuthorizationPolicy/cost-waypoint-l7",
  waypointOnly: "AuthorizationPolicy/cost-waypoint-only",
} as const;

export const cost = {
  objects: {
    "Deployment/cost-none": "app",
    "Deployment/cost-none-client": "app",
    "Deployment/cost-ztunnel": "app",
    "Deployment/cost-ztunnel-client": "app",
    "Deployment/cost-waypoint": "app",
    "Deployment/cost-waypoint-client": "app",
    "Deployment/cost-sidecar": "app",
    "Deployment/cost-sidecar-client": "app",
    "Deployment/cost-growth-ambient": { layer: "app", idle: true },
    "Deployment/cost-growth-sidecar": { layer: "app", idle: true },
    "DaemonSet/cost-meter": "nodes",
    "Service/cost-waypoint": "waypoint",
    "Gateway/cost-proxy": "waypoint",
    "Deployment/cost-proxy": "waypoint",
    [policies.ztunnel]: "ztunnel",
    [policies.waypoint]: "waypoint",
    [policies.waypointOnly]: "ztunnel",
    "AuthorizationPolicy/cost-sidecar-l7": "sidecar",
    "Deployment/interop-ambient": "app",
    "Deployment/interop-ambient-strict": "app",
    "Deployment/interop-sidecar": "app",
    "Deployment/interop-sidecar-strict": "app",
    "Service/interop-waypoint": "waypoint",
    "PeerAuthentication/interop-ambient-mtls": "ztunnel",
    "PeerAuthentication/interop-sidecar-mtls": "sidecar",
  },
  workloads: {
    "cost-none": {},
    "cost-none-client": { client: true },
    "cost-ztunnel": { mesh: true, policy: policies.ztunnel },
    "cost-ztunnel-client": { mesh: true, client: true },
    "cost-waypoint": { mesh: true, policy: policies.waypointOnly },
    "cost-waypoint-client": { mesh: true, client: true },
    "cost-sidecar": { sidecar: true },
    "cost-sidecar-client": { sidecar: true, client: true },
    [growing.ambient]: {},
    [growing.sidecar]: { sidecar: true },
    "interop-ambient": { mesh: true },
    "interop-ambient-strict": { mesh: true, peerAuthentication: "PeerAuthentication/interop-ambient-mtls" },
    "interop-sidecar": { sidecar: true },
    "interop-sidecar-strict": { sidecar: true },
    [meter]: { container: "meter", layer: "nodes" },
  },
  waypoints: { [costWaypoint]: {} },
  services: {
    "cost-none": { pods: "cost-none" },
    "cost-ztunnel": { pods: "cost-ztunnel" },
    "cost-waypoint": { pods: "cost-waypoint", waypoint: costWaypoint, policy: policies.waypoint },
    "cost-sidecar": { pods: "cost-sidecar" },
    "interop-ambient": { pods: "interop-ambient" },
    "interop-ambient-strict": { pods: "interop-ambient-strict" },
    "interop-sidecar": { pods: "interop-sidecar" },
    "interop-sidecar-strict": { pods: "interop-sidecar-strict" },
    [interopThroughWaypoint]: { pods: "interop-ambient", waypoint: costWaypoint },
  },
} as const satisfies Slice;
