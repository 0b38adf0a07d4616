import { presentable } from "../../verify/report/redact";
import { istioVersion } from "../mesh/read";
import { senderText } from "../probe/pod";
import type { Mesh } from "../types";
import { agreement, type ReachMatrix } from "./matrix";
import type { ReachDocument } from "./schema";

/** The matrix as it is shown and kept, without secrets. */
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
