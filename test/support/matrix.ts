import { ask } from "../../access/ask";
import { readMesh } from "../../access/mesh/read";
import { byRisk, computedMatrix, reachDocument, withObservations } from "../../access/reach/matrix";
import type { ReachDocument } from "../../access/reach/schema";
import { FakeCluster, type FakeEnd, type FakeRequest, meshObjects } from "../unit/access/fake-cluster";
import { hostile } from "./evidence";

/** A matrix of a mesh in memory that does not do what its configuration says, with hostile text where a mesh may put it. */
export async function differingMatrix(): Promise<ReachDocument> {
  const { signal } = new AbortController();
  const cluster = new FakeCluster([...meshObjects(), policy], end);
  const mesh = await readMesh(cluster, signal);
  const computed = computedMatrix(mesh, { namespaces: ["default"], services: [] });
  const asked = byRisk(computed.cells);
  const observations = await ask(
    asked.map(({ asked: request }) => ({ request })),
    { image: "example/curl:1", rate: 100, maxRequests: 1000 },
    { ...{ client: cluster, mesh, clock: cluster.clock, signal }, cleanupSignal: () => signal },
  );
  return reachDocument(withObservations(computed, asked, observations), {
    ...{ mesh, context: `test ${hostile}`, startedAt: cluster.clock.now() },
  });
}

/** The ztunnel of appb is to refuse all but appa. */
const policy = {
  ...{ apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" },
  metadata: { name: "appb-callers", namespace: "default" },
  spec: {
    selector: { matchLabels: { app: "appb" } },
    rules: [{ from: [{ source: { principals: ["cluster.local/ns/default/sa/appa"] } }] }],
  },
};

/** It lets appb itself pass, refuses appa at one path, and does not record what a pod outside the mesh sends to another. */
function end({ pod, path }: FakeRequest): FakeEnd {
  const account = Reflect.get(Object(pod.spec), "serviceAccountName");
  const refused = { to: "appb-1", error: "http status: 401 Unauthorized", far: `denied by a policy ${hostile}` };
  if (account === "appa" && path.startsWith("/ambient-lab-unmentioned"))
    return { status: 0, exit: 56, error: `Recv failure ${hostile}`, connection: refused };
  if (account === "appa" || account === "appb") return { status: 200, connection: { to: "appb-1" } };
  if (path.startsWith("/ambient-lab-unmentioned")) return { status: 0, exit: 56, error: "Recv failure" };
  return { status: 0, exit: 56, error: "Recv failure", connection: refused };
}
