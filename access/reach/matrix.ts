import { presentable } from "../../verify/report/redact";
import { computeDecision } from "../computed/decide";
import { istioVersion } from "../mesh/read";
import type { Observation } from "../probe/observe";
import { senderText } from "../probe/pod";
import type { AccessDecision, AccessRequest, Mesh, Sender } from "../types";
import { columnsOf, type ReachScope, requestsOf, type ServiceColumn, sendersOf } from "./columns";
import type { ReachDocument } from "./schema";

/** A matrix with a cell for each sender and each request to a Service. */
export interface ReachMatrix {
  senders: readonly Sender[];
  columns: readonly ServiceColumn[];
  cells: readonly ReachCell[];
}

interface ReachCell {
  /** Index of the sender, and of the Service and its request. */
  row: number;
  column: number;
  request: number;
  asked: AccessRequest;
  /** The decision that the configuration implies. */
  computed: AccessDecision;
  /** The observed decision; absent when no request was sent. */
  observed?: Observation;
}

/** Whether the computed and the observed decision agree; `unknown` when one of them is unknown. */
export type Agreement = "agree" | "differ" | "unknown";

export function agreement({ computed, observed }: Pick<ReachCell, "computed" | "observed">): Agreement {
  if (!observed || observed.decision.outcome === "unknown" || computed.outcome === "unknown") return "unknown";
  const { outcome, by } = observed.decision;
  return outcome === computed.outcome && (outcome !== "denied" || by === computed.by) ? "agree" : "differ";
}

/** The matrix, computed from the configuration. */
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
 * The cells in the order of the requests: first those that the configuration denies, then unknown ones, since an answer to them is
 * a security hole.
 */
export const byRisk = (cells: readonly ReachCell[]): ReachCell[] =>
  [...cells].sort((a, b) => riskOf(a.computed) - riskOf(b.computed));

const riskOf = ({ outcome }: AccessDecision): number => (outcome === "denied" ? 0 : outcome === "unknown" ? 1 : 2);

/** The matrix with observations, which are in the order of the cells. */
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

/** The matrix as a document, without secrets. */
export function reachDocument(
  matrix: ReachMatrix,
  { mesh, context, startedAt }: { mesh: Mesh; context: string; startedAt: number },
): ReachDocument {
  const istio = istioVersion(mesh);
  return presentable<ReachDocument>({
    schema: "ambient-lab.reach/v1",
    context,
    startedAt: new Date(startedAt).toISOString(),
    ...(istio === undefined ? {} : { istio }),
    unread: mesh.unread,
    senders: matrix.senders.map((sender) => ({ text: senderText(sender), sender })),
    columns: matrix.columns,
    cells: matrix.cells.map((cell) => {
      const { row, column, request, asked, computed, observed } = cell;
      return {
        ...{ row, column, request, method: asked.method, host: asked.host, path: asked.path, computed },
        agreement: agreement(cell),
        ...(observed
          ? { observed: observed.decision, status: observed.answer?.status ?? 0, evidence: observed.evidence }
          : {}),
      };
    }),
  });
}
