import { describe, expect, test } from "vitest";
import { readMesh } from "../../../access/mesh/read";
import { planQuestions, prove } from "../../../access/prove";
import { parseQuestions } from "../../../access/questions/parse";
import type { VerifyReport } from "../../../verify/report/schema";
import { refusedByPolicy } from "../verify/fake/lines";
import { FakeCluster, type FakeEnd, type FakeRequest, meshObjects } from "./fake-cluster";

const limits = { image: "example/curl:1", rate: 100, maxRequests: 1000 };
const never = new AbortController().signal;

async function asked(cluster: FakeCluster, yaml: string, signal = never): Promise<VerifyReport> {
  const mesh = await readMesh(cluster, signal);
  const planned = planQuestions(mesh, [parseQuestions("q.yaml", yaml)], { TOKEN: "a.b.c" });
  return prove(planned, {
    ...{ client: cluster, mesh, limits, context: "test", clock: cluster.clock, signal },
    cleanupSignal: () => never,
  });
}

const question = (rest: string): string => `questions:\n  - ${rest}\n`;
const read = question("{ from: appa, to: { service: appb, path: /get }, expect: allowed }");

/** The waypoint passes a request on to the application. */
const answered = (): FakeEnd => ({ status: 200, waypoint: {}, connection: { to: "waypoint-1" } });
const refusedByWaypoint = (rule = "none"): FakeEnd => ({
  ...{ status: 403, connection: { to: "waypoint-1" } },
  waypoint: { details: `rbac_access_denied_matched_policy[${rule}]`, upstream: "-" },
});
const refusedByZtunnel = (far: string | undefined): FakeEnd => ({
  ...{ status: 0, exit: 56, error: "Recv failure: Connection reset by peer" },
  connection: { to: "appb-1", error: "http status: 401 Unauthorized", ...(far ? { far } : {}) },
});

describe("prove", () => {
  test.each<[string, () => FakeEnd, string, string, string]>([
    ["an answer that the waypoint recorded", answered, "allowed", "pass", "app"],
    ["an answer that was to be refused", answered, "denied by waypoint", "fail", "waypoint"],
    ["a refusal of the waypoint", () => refusedByWaypoint(), "denied by waypoint", "pass", "waypoint"],
    ["a refusal by another layer than expected", () => refusedByWaypoint(), "denied by ztunnel", "fail", "waypoint"],
    ["a refusal that was to be an answer", () => refusedByWaypoint(), "allowed", "fail", "waypoint"],
    ["a refusal of ztunnel", () => refusedByZtunnel(refusedByPolicy), "denied by ztunnel", "pass", "ztunnel"],
    [
      "a route that is not there",
      () => ({ status: 404, waypoint: { flags: "NR", details: "route_not_found" } }),
      "no route",
      "pass",
      "waypoint",
    ],
    ["an answer that no layer has recorded", () => ({ status: 200 }), "allowed", "inconclusive", "app"],
    ["a refusal that no layer has recorded", () => ({ status: 403 }), "denied", "inconclusive", "app"],
    [
      "an answer that only ztunnel has recorded, on its way to a waypoint",
      () => ({ status: 200, connection: { to: "waypoint-1" } }),
      "allowed",
      "inconclusive",
      "app",
    ],
    [
      "an answer that ztunnel has recorded, where no waypoint is",
      () => ({ status: 200, connection: { to: "appb-1" } }),
      "allowed",
      "pass",
      "app",
    ],
  ])("judges %s", async (_about, end, expected, verdict, layer) => {
    const cluster = new FakeCluster(meshObjects(), end);
    const report = await asked(
      cluster,
      question(`{ from: appa, to: { service: appb, path: /get }, expect: ${expected} }`),
    );
    const [result] = report.results;
    expect(result?.verdict).toBe(verdict);
    expect(result?.findings[0]?.decision?.layer === "unknown" ? "app" : result?.findings[0]?.layer).toBe(layer);
    expect(report.verdict).toBe(verdict);
    expect(cluster.objects.filter(({ kind }) => kind === "Pod")).toHaveLength(6);
  });

  test("says of a request that a proxy cannot parse why it has no record", async () => {
    // envoy: source/common/http/http1/balsa_parser.cc (isUrlValid); the access line of such a request has no path.
    const unparsed = (): FakeEnd => ({
      ...{ status: 400, connection: { to: "waypoint-1" } },
      waypoint: { method: "-", path: "-", flags: "DPE", details: "http1.codec_error", upstream: "-", id: "-" },
    });
    const { results } = await asked(new FakeCluster(meshObjects(), unparsed), read);
    expect(results[0]).toMatchObject({ verdict: "inconclusive" });
    expect(results[0]?.findings[0]?.seen).toContain("a proxy answers 400 to a request that it cannot parse");
  });

  test("names the policy that denies, and fails for another policy", async () => {
    const denied = () => refusedByWaypoint("ns[default]-policy[appb-l7]-rule[0]");
    const ask = (policy: string) =>
      asked(
        new FakeCluster(meshObjects(), denied),
        question(`{ from: appa, to: { service: appb }, expect: denied by waypoint, policy: ${policy} }`),
      );
    expect((await ask("appb-l7")).verdict).toBe("pass");
    const { verdict, results } = await ask("other");
    expect(verdict).toBe("fail");
    expect(results[0]?.findings[0]?.seen).toContain("AuthorizationPolicy default/appb-l7");
  });

  test("does not take the policy of another namespace for the one that is expected", async () => {
    const denied = () => refusedByWaypoint("ns[istio-system]-policy[appb-l7]-rule[0]");
    const report = await asked(
      new FakeCluster(meshObjects(), denied),
      question("{ from: appa, to: { service: appb }, expect: denied by waypoint, policy: default/appb-l7 }"),
    );
    expect(report.verdict).toBe("fail");
  });

  test("asks as a pod of the sender's ServiceAccount that no Service selects and that has no token", async () => {
    const cluster = new FakeCluster(meshObjects(), answered);
    await asked(cluster, question("{ from: { workload: pod/appb-1 }, to: { service: appb }, expect: allowed }"));
    const [pod] = cluster.created.filter(({ kind }) => kind === "Pod");
    expect(pod?.spec).toMatchObject({ serviceAccountName: "appb", automountServiceAccountToken: false });
    expect(pod?.metadata?.labels).toMatchObject({ "app.kubernetes.io/managed-by": "ambient-lab" });
    expect(pod?.metadata?.labels).not.toHaveProperty("app");
    expect(cluster.deleted).toEqual([`default/${pod?.metadata?.name}`]);
  });

  test("asks outside the mesh from a pod that the mesh does not take, and through a Gateway at its Service", async () => {
    const cluster = new FakeCluster(meshObjects(), ({ address }) =>
      address.startsWith("gateway-istio.") ? { status: 200, gateway: {} } : refusedByZtunnel(refusedByPolicy),
    );
    const report = await asked(
      cluster,
      [
        "questions:",
        "  - { from: outside the mesh, to: { service: appb }, expect: denied by ztunnel }",
        "  - { from: gateway, to: { service: appb, host: appb.opssec.in, path: /get }, expect: allowed }",
      ].join("\n"),
    );
    expect(report.results.map(({ verdict }) => verdict)).toEqual(["pass", "pass"]);
    const modes = cluster.created
      .filter(({ kind }) => kind === "Pod")
      .map(({ metadata }) => metadata?.labels?.["istio.io/dataplane-mode"]);
    expect(modes).toEqual(["none", "none"]);
    expect(cluster.requests.map(({ host, address }) => `${host} ${address}`)).toEqual([
      "appb.default.svc.cluster.local appb.default.svc:8000",
      "appb.opssec.in gateway-istio.default.svc:80",
    ]);
  });

  test("sends method, headers and token, and keeps the token out of the report", async () => {
    const cluster = new FakeCluster(meshObjects(), answered);
    const report = await asked(
      cluster,
      question(
        "{ from: appa, to: { service: appb, method: POST, headers: { X-Team: red }, token: { env: TOKEN } }, expect: allowed }",
      ),
    );
    expect(cluster.requests[0]).toMatchObject({
      method: "POST",
      headers: expect.arrayContaining(["x-team: red", "authorization: Bearer a.b.c"]),
    });
    expect(JSON.stringify(report)).not.toContain("a.b.c");
  });

  test.each([
    [50, "pass"],
    [0, "fail"],
    [100, "fail"],
  ])("judges a share of delayed requests: %i %% are delayed, 50 %% expected", async (percent, verdict) => {
    let sent = 0;
    const cluster = new FakeCluster(meshObjects(), () => {
      sent += 1;
      return { ...answered(), seconds: (sent * percent) % 100 < percent ? 2.01 : 0.01 };
    });
    const report = await asked(
      cluster,
      question("{ from: appa, to: { service: appb }, expect: delayed by 2s in 50 % }"),
    );
    expect(report.verdict).toBe(verdict);
  });

  test("does not judge refused requests by their delay", async () => {
    const cluster = new FakeCluster(meshObjects(), () => ({ ...refusedByWaypoint(), seconds: 2.01 }));
    const report = await asked(
      cluster,
      question("{ from: appa, to: { service: appb }, expect: delayed by 2s in 100 % }"),
    );
    expect(report.verdict).toBe("fail");
  });

  test("is inconclusive with the reason where a probe pod does not start, and deletes it", async () => {
    const cluster = new FakeCluster(meshObjects(), answered);
    const waiting = { reason: "ImagePullBackOff", message: 'Back-off pulling image "example/curl:1"' };
    cluster.podStatus = { phase: "Pending", containerStatuses: [{ state: { waiting } }] };
    const report = await asked(cluster, read);
    expect(report.verdict).toBe("inconclusive");
    expect(report.results[0]?.findings[0]?.seen).toContain("ImagePullBackOff");
    expect(cluster.deleted).toHaveLength(cluster.created.filter(({ kind }) => kind === "Pod").length);
  });

  test("deletes its pods when the run is interrupted", async () => {
    const cluster = new FakeCluster(meshObjects(), answered);
    cluster.podStatus = { phase: "Running" };
    const interrupt = new AbortController();
    cluster.onLook = () => interrupt.abort(new Error("interrupted"));
    await expect(asked(cluster, read, interrupt.signal)).rejects.toThrow("interrupted");
    expect(cluster.deleted).toHaveLength(1);
    expect(cluster.objects.filter(({ kind }) => kind === "Pod")).toHaveLength(6);
  });

  test("refuses before it creates a pod when the user may not, and says what is missing", async () => {
    const cluster = new FakeCluster(meshObjects(), answered);
    cluster.forbidden.add("create pods default").add("get pods/log istio-system");
    await expect(asked(cluster, read)).rejects.toThrow(
      /may not create pods in namespace default, get pods\/log in namespace istio-system/,
    );
    expect(cluster.created.filter(({ kind }) => kind === "Pod")).toEqual([]);
  });

  test("notes the kinds that could not be read", async () => {
    const cluster = new FakeCluster(meshObjects(), answered);
    cluster.forbidden.add("list EnvoyFilter");
    expect((await asked(cluster, read)).notes).toEqual([expect.stringMatching(/EnvoyFilter.*forbidden/)]);
  });

  test("finds the refusal of the waypoint's own connection, which the waypoint logs as a reset", async () => {
    // As a live mesh logs it (Istio 1.31.1): 503 UC at the waypoint, and the reason at the ztunnel of appb.
    const cluster = new FakeCluster(meshObjects(), () => ({
      ...{ status: 503, connection: { to: "waypoint-1" } },
      waypoint: {
        ...{ flags: "UC", details: "upstream_reset_before_response_started{connection_termination}" },
        upstream: "envoy://connect_originate/10.244.1.5:8080",
      },
      refusedProxy: refusedByPolicy,
    }));
    const ask = "{ from: appa, to: { service: appb }, expect: denied by ztunnel }";
    expect((await asked(cluster, question(ask))).verdict).toBe("pass");
    const elsewhere = new FakeCluster(meshObjects(), () => ({
      ...{ status: 503, connection: { to: "waypoint-1" } },
      waypoint: { flags: "UC", details: "upstream_reset_before_response_started{connection_termination}" },
    }));
    expect((await asked(elsewhere, question(ask))).verdict).toBe("fail");
  });

  test("matches two refusals by one pod to their requests by order", async () => {
    const named = (name: string) => `connection closed due to policy rejection: explicitly denied by: default/${name}`;
    const cluster = new FakeCluster(meshObjects(), ({ path }: FakeRequest) =>
      refusedByZtunnel(named(path.startsWith("/one") ? "one" : "two")),
    );
    const report = await asked(
      cluster,
      [
        "questions:",
        "  - { from: appa, to: { pod: appb-1, path: /one }, expect: denied by ztunnel, policy: one }",
        "  - { from: appa, to: { pod: appb-1, path: /two }, expect: denied by ztunnel, policy: two }",
      ].join("\n"),
    );
    expect(report.results.map(({ verdict }) => verdict)).toEqual(["pass", "pass"]);
  });
});

describe("a question that does not fit the mesh", () => {
  test.each([
    ["{ from: nobody, to: { service: appb }, expect: allowed }", "nobody", "there is no ServiceAccount default/nobody"],
    ["{ from: appa, to: { service: appc }, expect: allowed }", "appc", "there is no Service default/appc"],
    ["{ from: appa, to: { service: appb, port: 9 }, expect: allowed }", "9", "Service default/appb has no TCP port 9"],
    [
      "{ from: { gateway: other }, to: { service: appb }, expect: allowed }",
      "other",
      "there is no Gateway default/other",
    ],
    [
      "{ from: appa, to: { service: appb, token: { env: NONE } }, expect: allowed }",
      "{ env",
      "the environment variable NONE is not set",
    ],
    ["{ from: appa, to: { path: /x }, expect: allowed }", "{ path", "names no service, pod or host"],
  ])("is refused with its place: %s", async (text, marked, message) => {
    const mesh = await readMesh(new FakeCluster(meshObjects(), answered), never);
    const plan = () => planQuestions(mesh, [parseQuestions("q.yaml", question(text))], {});
    const column = `  - ${text}`.indexOf(marked) + 1;
    expect(plan).toThrow(expect.objectContaining({ what: `q.yaml:2:${column}: ${message}` }));
  });
});
