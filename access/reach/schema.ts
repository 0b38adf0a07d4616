import { z } from "zod";

const named = z.object({ namespace: z.string(), name: z.string() });

const decision = z.object({
  outcome: z.enum(["allowed", "denied", "no-route", "redirected", "unreachable", "unknown"]),
  /** The layer that ended the request; absent when the application answered. */
  by: z.enum(["gateway", "waypoint", "ztunnel"]).optional(),
  /** The policy that decided, such as "AuthorizationPolicy default/appb-l7". */
  policy: z.string().optional(),
  because: z.string(),
  waypoint: named.optional(),
  delay: z.object({ ms: z.number(), percent: z.number() }).optional(),
});

const sender = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("workload"),
    namespace: z.string(),
    serviceAccount: z.string(),
    labels: z.record(z.string(), z.string()).readonly(),
    inMesh: z.boolean(),
  }),
  z.object({ kind: z.literal("gateway"), gateway: named }),
]);

const cell = z.object({
  /** Index of the sender, of the column, and of the column's request. */
  row: z.number(),
  column: z.number(),
  request: z.number(),
  method: z.string(),
  host: z.string(),
  path: z.string(),
  /** What the configuration says. */
  computed: decision,
  /** Whether configuration and mesh agree; "unknown" when either does not tell. */
  agreement: z.enum(["agree", "differ", "unknown"]),
  /** What the mesh did; absent, as the two fields below, when no request was sent. */
  observed: decision.optional(),
  /** HTTP status that the client got; 0 without an answer. */
  status: z.number().optional(),
  evidence: z
    .array(z.object({ source: z.string(), lines: z.array(z.string()).readonly() }))
    .readonly()
    .optional(),
});

/**
 * The shape of reach.json, for the command that writes it and for every reader. The field `schema` changes when a field changes
 * its meaning.
 */
export const reachSchema = z.object({
  schema: z.literal("ambient-lab.reach/v1"),
  /** The context of the kubeconfig. */
  context: z.string(),
  startedAt: z.string(),
  /** Version of Istio, where the image of istiod tells it. */
  istio: z.string().optional(),
  /** Kinds that could not be listed, and why. */
  unread: z.array(z.object({ kind: z.string(), reason: z.string() })).readonly(),
  senders: z.array(z.object({ text: z.string(), sender })).readonly(),
  columns: z
    .array(
      z.object({
        service: named,
        port: z.number(),
        requests: z.array(z.object({ method: z.string(), path: z.string() })).readonly(),
      }),
    )
    .readonly(),
  cells: z.array(cell).readonly(),
});

/** A matrix of senders and Services as it is kept. */
export type ReachDocument = z.infer<typeof reachSchema>;

/** One request of one sender. */
export type ReachEntry = z.infer<typeof cell>;
