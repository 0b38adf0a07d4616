import { ask } from "../../access/ask";
import { readMesh } from "../../access/mesh/read";
import { byRisk, computedMatrix, reachDocument, withObservations } from "../../access/reach/matrix";
import type { ReachDocument } from "../../access/reach/schema";
import { FakeCluster, type FakeEnd, type FakeRequest, meshObjects } from "../unit/access/fake-cluster";
import { hostile } from "./evidence";

/** A matrix of a fake mesh that differs from its configuration, with hostile text in every field that comes from the mesh. */
export async function differingMatrix(): Promise<ReachDocument> {
  const { signal } = new AbortController();
  const cluster = new FakeCluster([...meshObjects(), policy], end);
  const mesh = await readMesh(cluster, signal);
  const computed = computedMatrix(mesh, { namespaces: ["default"], services: [] });
  const questions = byRisk(computed.cells);
  const observations = await ask(
    questions.map(({ asked: request }) => ({ request })),
    { image: "example/curl:1", rate: 100, maxRequests: 1000 },
    { ...{ client: cluster, mesh, clock: cluster.clock, signal }, cleanupSignal: () => signal },
  );
  return reachDocument(withObservations(computed, questions, observations), {
    ...{ mesh, context: `test ${hostile}`, startedAt: cluster.clock.now() },
  });
}

/** Policy by which appb's ztunnel must refuse all callers except appa. */
const policy = {
  ...{ apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" },
  metadata: { name: "appb-callers", namespace: "default" },
  spec: {
    selector: { matchLabels: { app: "appb" } },
    rules: [{ from: [{ source: { principals: ["cluster.local/ns/default/sa/appa"] } }] }],
  },
};

/** Results that differ from the policy: appb is allowed, appa is refused at one path, and a request from outside the mesh has no record. */
function end({ pod, path }: FakeRequest): FakeEnd {
  const account = Reflect.get(Object(pod.spec), "serviceAccountName");
  const refused = { to: "appb-1", error: "http status: 401 Unauthorized", far: `denied by a policy ${hostile}` };
  if (account === "appa" && path.startsWith("/ambient-lab-unmentioned"))
    return { status: 0, exit: 56, error: `Recv failure ${hostile}`, connection: refused };
  if (account === "appa" || account === "appb") return { status: 200, connection: { to: "appb-1" } };
  if (path.startsWith("/ambient-lab-unmentioned")) return { status: 0, exit: 56, error: "Recv failure" };
  return { status: 0, exit: 56, error: "Recv failure", connection: refused };
}
