import { computeDecision } from "../computed/decide";
import type { Observation } from "../probe/observe";
import type { AccessDecision, AccessRequest, Mesh, Sender } from "../types";
import { columnsOf, type ReachScope, requestsOf, type ServiceColumn } from "./columns";
import { sendersOf } from "./senders";

/** Who may reach what: a cell for each sender and each request to a Service. */
export interface ReachMatrix {
  senders: readonly Sender[];
  columns: readonly ServiceColumn[];
  cells: readonly ReachCell[];
}

/** One request of one sender. */
export interface ReachCell {
  /** Index of the sender, and of the Service and its request. */
  row: number;
  column: number;
  request: number;
  asked: AccessRequest;
  /** What the configuration says. */
  computed: AccessDecision;
  /** What the mesh did; absent when no request was sent. */
  observed?: Observation;
}

/** Whether the configuration and the mesh agree: `unknown` when either does not tell. */
export type Agreement = "agree" | "differ" | "unknown";

export function agreement({ computed, observed }: Pick<ReachCell, "computed" | "observed">): Agreement {
  if (!observed || observed.decision.outcome === "unknown" || computed.outcome === "unknown") return "unknown";
  const { outcome, by } = observed.decision;
  return outcome === computed.outcome && (outcome !== "denied" || by === computed.by) ? "agree" : "differ";
}

/** The matrix as the configuration gives it. */
export function computedMatrix(mesh: Mesh, scope: ReachScope): ReachMatrix {
  const senders = sendersOf(mesh, scope.namespaces);
  const columns = columnsOf(mesh, scope);
  const cells = senders.flatMap((from, row) =>
    columns.flatMap((column, index) =>
      requestsOf(mesh, from, column).flatMap((asked, request): ReachCell[] =>
        asked ? [{ row, column: index, request, asked, computed: computeDecision(mesh, asked) }] : [],
      ),
    ),
  );
  return { senders, columns, cells };
}

/**
 * The cells in the order in which they are asked: first those that the configuration does not allow, or says nothing about,
 * since an answer there is a hole.
 */
export const byRisk = (cells: readonly ReachCell[]): ReachCell[] =>
  [...cells].sort((a, b) => riskOf(a.computed) - riskOf(b.computed));

const riskOf = ({ outcome }: AccessDecision): number => (outcome === "denied" ? 0 : outcome === "unknown" ? 1 : 2);

/** The matrix with what the mesh did: the observations are in the order of the cells. */
export function withObservations(
  matrix: ReachMatrix,
  asked: readonly ReachCell[],
  observations: readonly Observation[],
): ReachMatrix {
  const found = new Map(asked.map((cell, index) => [cell, observations[index]]));
  return {
    ...matrix,
    cells: matrix.cells.map((cell) => {
      const observed = found.get(cell);
      return observed ? { ...cell, observed } : cell;
    }),
  };
}
