import { z } from "zod";

export const namespacedNameSchema = z.object({ namespace: z.string(), name: z.string() });

export const decisionSchema = z.object({
  /** `unreachable`: no policy refuses the request, and no endpoint can answer it. */
  outcome: z.enum(["allowed", "denied", "no-route", "redirected", "unreachable", "unknown"]),
  /** The layer that ended the request; absent when the application answered. */
  by: z.enum(["gateway", "waypoint", "ztunnel"]).optional(),
  /** The policy that decided, such as "AuthorizationPolicy default/appb-l7". */
  policy: z.string().optional(),
  /** The reason, as a sentence without a full stop. */
  because: z.string(),
  /** The waypoint that the request passes. */
  waypoint: namespacedNameSchema.optional(),
  /** The delay of an injected fault, in milliseconds, and the percentage of requests that it applies to. */
  delay: z.object({ ms: z.number(), percent: z.number() }).optional(),
});

export const senderSchema = z.discriminatedUnion("kind", [
  /** A pod with this ServiceAccount; outside the mesh it has no identity. */
  z.object({
    kind: z.literal("workload"),
    namespace: z.string(),
    serviceAccount: z.string(),
    labels: z.record(z.string(), z.string()).readonly(),
    inMesh: z.boolean(),
  }),
  /** A client outside the mesh, through a Gateway. */
  z.object({ kind: z.literal("gateway"), gateway: namespacedNameSchema }),
]);

const cell = z.object({
  /** Index of the sender, of the column, and of the column's request. */
  row: z.number(),
  column: z.number(),
  request: z.number(),
  method: z.string(),
  host: z.string(),
  path: z.string(),
  /** The decision that the configuration implies. */
  computed: decisionSchema,
  /** Whether both decisions agree; "unknown" when one of them is unknown. */
  agreement: z.enum(["agree", "differ", "unknown"]),
  /** The decision that was observed. Absent, as the two fields below, when no request was sent. */
  observed: decisionSchema.optional(),
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
  /** Version of Istio, from the image of istiod. */
  istio: z.string().optional(),
  /** Kinds that could not be listed, and why. */
  unread: z.array(z.object({ kind: z.string(), reason: z.string() })).readonly(),
  senders: z.array(z.object({ text: z.string(), sender: senderSchema })).readonly(),
  columns: z
    .array(
      z.object({
        service: namespacedNameSchema,
        port: z.number(),
        requests: z.array(z.object({ method: z.string(), path: z.string() })).readonly(),
      }),
    )
    .readonly(),
  cells: z.array(cell).readonly(),
});

/** A matrix of senders and Services, as a document. */
export type ReachDocument = z.infer<typeof reachSchema>;

/** One request of one sender. */
export type ReachEntry = z.infer<typeof cell>;
