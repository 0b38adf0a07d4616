import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ask } from "../../../access/ask";
import { readMesh } from "../../../access/mesh/read";
import { planQuestions } from "../../../access/prove";
import { parseQuestions } from "../../../access/questions/parse";
import { pathOf } from "../../../host/kube-api";
import { rotatedLines } from "../../../verify/kube";
import { FakeCluster, meshObjects } from "../access/fake-cluster";

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

const page = readFileSync(join(__dirname, "../../../docs/how-to/prove-your-policies.md"), "utf8");
const [, text = ""] = /```yaml\n(apiVersion: rbac[\s\S]*?)```/.exec(page) ?? [];
const { rules }: { rules: Rule[] } = parse(text);

/** Group and resource of a path of the API server, with the subresource. */
function resourceIn(path: string): string {
  const [, root = "", ...rest] = path.split("?")[0]?.split("/") ?? [];
  const [group, tail] = root === "api" ? ["", rest.slice(1)] : [rest[0] ?? "", rest.slice(2)];
  const [resource = "", , subresource] = tail[0] === "namespaces" && tail.length > 2 ? tail.slice(2) : tail;
  return `${group} ${resource}${subresource ? `/${subresource}` : ""}`;
}

/** What a run asks of the API server, as "VERB GROUP RESOURCE". */
async function asked(): Promise<Set<string>> {
  const seen = new Set<string>();
  const note = (verb: string, path: string) => seen.add(`${verb} ${resourceIn(path)}`);
  const cluster = new FakeCluster(meshObjects(), () => ({ status: 200, connection: { to: "appb-1" } }));
  const { list, read, create, deletePod, logs, output } = cluster;
  const pod = (name: { namespace: string; name: string }) => pathOf({ apiVersion: "v1", kind: "Pod", ...name });
  cluster.list = async (what, signal) => {
    note("list", pathOf(what));
    return list(what, signal);
  };
  cluster.read = async (ref, signal) => {
    note("get", pathOf(ref));
    return read(ref, signal);
  };
  cluster.create = async (object, signal) => {
    const { apiVersion = "", kind = "" } = object;
    // Every user may ask for the own rights (system:basic-user).
    if (kind !== "SelfSubjectAccessReview") note("create", pathOf({ apiVersion, kind, namespace: "default" }));
    return create(object, signal);
  };
  cluster.deletePod = async (name, signal) => {
    note("delete", pod(name));
    return deletePod(name, signal);
  };
  cluster.logs = async (ref, since, signal) => {
    note("get", `${pod(ref)}/log`);
    return logs(ref, since, signal);
  };
  cluster.output = async (ref, signal) => {
    note("get", `${pod(ref)}/log`);
    return output(ref, signal);
  };
  const { signal } = new AbortController();
  const mesh = await readMesh(cluster, signal);
  const questions = parseQuestions(
    "q.yaml",
    "questions:\n  - { from: appa, to: { service: appb }, expect: allowed }\n",
  );
  const [planned] = planQuestions(mesh, [questions], {});
  if (!planned) throw new Error("nothing was planned");
  await ask(
    [planned],
    { image: "example/curl:1", rate: 100, maxRequests: 10 },
    {
      ...{ client: cluster, mesh, clock: cluster.clock, signal },
      cleanupSignal: () => signal,
    },
  );
  const answer = (body: string) => ({ ...{ status: 200, headers: {}, seconds: 0 }, body });
  const object = { spec: { nodeName: "node-1" }, metadata: { uid: "1" } };
  const listing = '<a href="0.log.20261123-231247"></a><a href="0.log"></a>';
  await rotatedLines(
    async (path) => {
      note("get", path);
      return answer(path.endsWith("/") ? listing : path.endsWith("-231247") ? "" : JSON.stringify(object));
    },
    { namespace: "default", name: "waypoint-1", container: "istio-proxy" },
  );
  return seen;
}

const granted = rules.flatMap(({ apiGroups, resources, verbs }) =>
  apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group} ${resource}`))),
);

describe("the ClusterRole of the page", () => {
  test("grants each right that a run needs, and no other", async () => {
    const needed = await asked();
    const covers = (right: string) => granted.includes(right) || granted.includes(right.replace(/\S+$/, "*"));
    expect([...needed].filter((right) => !covers(right))).toEqual([]);
    const used = (right: string) =>
      needed.has(right) || (right.endsWith("*") && [...needed].some((each) => each.startsWith(right.slice(0, -1))));
    expect(granted.filter((right) => !used(right))).toEqual([]);
  });
});
