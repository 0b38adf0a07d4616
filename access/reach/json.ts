import { presentable } from "../../verify/report/redact";
import { istioVersion } from "../mesh/read";
import { senderText } from "../probe/pod";
import type { Mesh } from "../types";
import { agreement, type ReachMatrix } from "./matrix";

/** The matrix as versioned JSON; the field `schema` names the version. */
export function matrixJson(matrix: ReachMatrix, { mesh, context }: { mesh: Mesh; context: string }): object {
  return presentable({
    schema: "ambient-lab.reach/v1",
    context,
    istio: istioVersion(mesh),
    unread: mesh.unread,
    senders: matrix.senders.map((sender) => ({ ...sender, text: senderText(sender) })),
    columns: matrix.columns,
    cells: matrix.cells.map((cell) => {
      const { row, column, request, asked, computed, observed } = cell;
      return {
        ...{ row, column, request, method: asked.method, host: asked.host, path: asked.path, computed },
        agreement: agreement(cell),
        ...(observed
          ? { observed: observed.decision, status: observed.answer?.status, evidence: observed.evidence }
          : {}),
      };
    }),
  });
}
