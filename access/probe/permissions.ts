import { UsageError } from "../../host/errors";
import { textAt } from "../../verify/json";
import type { ClusterClient } from "../../verify/lab-client";

/** A right that the run needs. */
interface Right {
  verb: "create" | "delete" | "get" | "list";
  resource: string;
  namespace: string;
}

/** The rights that it takes to send requests from namespaces, and to read the logs of the proxies. */
function rightsFor(senders: readonly string[], proxies: readonly string[]): Right[] {
  const pods = senders.flatMap((namespace): Right[] =>
    (["create", "delete", "list"] as const).map((verb) => ({ verb, resource: "pods", namespace })),
  );
  const logs = [...new Set([...senders, ...proxies])].map(
    (namespace): Right => ({ verb: "get", resource: "pods/log", namespace }),
  );
  return [...pods, ...logs];
}

/**
 * Asks the API server whether this user has the rights that a run needs, before anything is created.
 * @throws UsageError that lists the missing ones
 */
export async function requireRights(
  client: ClusterClient,
  { senders, proxies }: { senders: readonly string[]; proxies: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const rights = rightsFor(senders, proxies);
  const answers = await Promise.all(rights.map((right) => isAllowed(client, right, signal)));
  const missing = rights.filter((_right, index) => !answers[index]);
  if (missing.length === 0) return;
  const [first] = missing;
  const said = missing.map(({ verb, resource, namespace }) => `${verb} ${resource} in namespace ${namespace}`);
  throw new UsageError({
    what: `This user of the cluster may not ${said.join(", ")}`,
    why: "Each question is asked by a short-lived pod with the ServiceAccount of its sender, and answered from the logs of the proxies",
    fix: `kubectl create rolebinding ambient-lab-probe --clusterrole=edit --user=USER --namespace ${first?.namespace ?? "NAMESPACE"}   (by an administrator; docs/how-to/prove-your-policies.md lists all rights)`,
  });
}

async function isAllowed(
  client: ClusterClient,
  { verb, resource, namespace }: Right,
  signal: AbortSignal,
): Promise<boolean> {
  const [name, subresource] = resource.split("/");
  const review = {
    ...{ apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview" },
    spec: {
      resourceAttributes: { verb, resource: name, namespace, ...(subresource ? { subresource } : {}) },
    },
  };
  const answer = await client.create(review, signal);
  return String(Reflect.get(Object(answer.status), "allowed")) === "true" && textAt(answer, "kind") !== undefined;
}
